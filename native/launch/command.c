/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "launch/doctoring.h"
#include "launch/helper.h"
#include "launch/messages.h"

bool command_is_called(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash;

	if (length <= 0)
		return false;
	self[length] = '\0';
	slash = strrchr(self, '/');
	return slash && strcmp(slash + 1, "interpose") == 0;
}

int command_run(int argc, char **argv)
{
	static const struct messages messages = {.fd = STDERR_FILENO};
	static char isolated[] = "-I", module[] = "-m", name[] = "interpose.commands";
	char python[PATH_MAX];
	char **words = calloc((size_t)argc + 4, sizeof(*words));
	char **environment = helper_environment();
	size_t count = 0;

	if (doctoring_is_called(argc, argv))
		return doctoring_of_interpose(argc, argv);
	if (!words || !environment)
		return message_fail(&messages, "out of memory");
	if (helper_find_python(python) < 0)
		return message_ill(&messages, doctor_row("python")->advice,
				   "no Python found: beside interpose");
	words[count++] = python;
	words[count++] = isolated;
	words[count++] = module;
	words[count++] = name;
	for (int i = 1; i < argc; i++)
		words[count++] = argv[i];
	execve(python, words, environment);
	return message_fail(&messages, "cannot execute: %s: %s", python,
			    strerror(errno));
}
