/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/formatter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "launch/helper.h"
#include "run/trace.h"

int formatter_start(const char *output, pid_t *ret_pid, struct trace **ret_trace)
{
	static char program[] = "import sys; from interpose.commands import main; "
				"sys.exit(main())";
	char python[PATH_MAX], number[16];
	char *argv[] = {python,	       "-I",   "-c",	   program,	   "trace",
			"--follow-fd", number, "--output", (char *)output, NULL};
	int ends[2];
	int error = helper_find_python(python);

	if (error < 0)
		return error;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", ends[0]);
	error = helper_start(argv, ends[0], ret_pid);
	close(ends[0]);
	if (error == 0) {
		*ret_trace = trace_open(ends[1]);
		if (*ret_trace)
			return 0;
		error = -ENOMEM;
	}
	close(ends[1]);
	return error;
}
