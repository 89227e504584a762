/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/python.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/bundle.h"
#include "cleanup.h"
#include "launch/base.h"
#include "launch/messages.h"

extern char **environ;

/* The bundle's name for itself when it becomes its Python. */
static char packed_name[] = "interpose-python";

/* Only the bundle is linked with it. */
bool python_is_packed(void)
{
	return bundle_become != NULL;
}

/* "#! /path/python3 -I" -> "/path/python3" */
static int python_from_script(const char *script, char ret_path[PATH_MAX])
{
	char line[PATH_MAX + 2] = "";
	_cleanup_close_ int fd = open(script, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	size_t start, length;

	if (got < 3 || strncmp(line, "#!", 2) != 0)
		return -ENOENT;
	start = 2 + strspn(line + 2, " \t");
	length = strcspn(line + start, " \t\n");
	if (line[start] != '/' || length >= PATH_MAX)
		return -ENOENT;
	memcpy(ret_path, line + start, length);
	ret_path[length] = '\0';
	return access(ret_path, X_OK) == 0 ? 0 : -ENOENT;
}

static int python_of_installation(char ret_path[PATH_MAX])
{
	static const char *const names[] = {"python3", "python"};
	char self[PATH_MAX], path[PATH_MAX + 16];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length <= 0)
		return -ENOENT;
	self[length] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", self, names[i]);
		if (strlen(path) < PATH_MAX && access(path, X_OK) == 0) {
			strcpy(ret_path, path);
			return 0;
		}
	}
	snprintf(path, sizeof(path), "%sinterpose-python", self);
	return python_from_script(path, ret_path);
}

char **python_words(struct python *python, char *const arguments[])
{
	/* What libraries warn of is nothing that a user can mend. */
	static char isolated[] = "-I", silent[] = "-Wignore", nothing[] = "";
	size_t count = 0, used = 0;
	char **words;

	while (arguments[count])
		count++;
	words = calloc(count + 5, sizeof(*words));
	if (!words)
		return NULL;
	if (python_is_packed()) {
		words[used++] = packed_name;
		words[used++] = python->cache;
		words[used++] = python->scratch ? (char *)python->scratch : nothing;
	} else {
		words[used++] = python->path;
		words[used++] = isolated;
		words[used++] = silent;
	}
	memcpy(words + used, arguments, count * sizeof(*words));
	return words;
}

int python_find(const char *cache, const char *scratch, struct python *ret_python)
{
	ret_python->scratch = scratch;
	if (base_of_cache(cache, (const char *const *)environ, ret_python->cache) < 0)
		ret_python->cache[0] = '\0';
	if (python_is_packed()) {
		strcpy(ret_python->path, "/proc/self/exe");
		return 0;
	}
	return python_of_installation(ret_python->path);
}

bool python_is_called(int argc, char **argv)
{
	return python_is_packed() && argc > 3 && strcmp(argv[0], packed_name) == 0;
}

int python_become(char **argv)
{
	static const struct messages messages = {.fd = STDERR_FILENO};
	static char complaint[2 * PATH_MAX];
	const struct bundle_places places = {.cache = *argv[1] ? argv[1] : NULL,
					     .scratch = *argv[2] ? argv[2] : NULL};

	bundle_become(&places, argv + 3, environ, complaint, sizeof(complaint));
	return message_fail(&messages, "%s", complaint);
}
