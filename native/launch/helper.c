/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* "#! /path/python3 -I" -> "/path/python3" */
static int helper_from_script(const char *script, char ret_path[PATH_MAX])
{
	char line[PATH_MAX + 2] = "";
	int fd = open(script, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	size_t start, length;

	if (fd >= 0)
		close(fd);
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

int helper_find_python(char ret_path[PATH_MAX])
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
	return helper_from_script(path, ret_path);
}

const char *helper_advice(int status)
{
	return WIFEXITED(status)
		       ? "is interpose installed for this Python?"
		       : "a limit may be too low for Python: ulimit -s, -v, -d";
}

char **helper_environment(void)
{
	size_t count = 0, used = 0;
	char **kept;

	while (environ && environ[count])
		count++;
	kept = calloc(count + 1, sizeof(*kept));
	for (size_t i = 0; kept && i < count; i++)
		if (strncmp(environ[i], "PYTHON", 6) != 0 &&
		    strncmp(environ[i], "LD_", 3) != 0)
			kept[used++] = environ[i];
	return kept;
}

int helper_start(char *const argv[], int fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, held;
	char **environment = helper_environment();
	int error;

	if (!environment)
		return -ENOMEM;
	sigfillset(&all);
	/* What is sent before the helper can say that it does not care. */
	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGQUIT);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGTERM);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	/* Onto itself: that takes close-on-exec away. */
	posix_spawn_file_actions_adddup2(&actions, fd, fd);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &held);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
						      POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETSIGMASK);
	error = posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	free(environment);
	return -error;
}

int helper_finish(pid_t pid, int patience_ms)
{
	struct timespec step = {.tv_nsec = 2 * 1000000L};
	int status = 0;
	sigset_t child;

	if (pid <= 0)
		return 0;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	/* SIGCHLD is blocked in the tracer: it ends the pause early, that is all. */
	for (int waited = 0; waited < patience_ms; waited += 2) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			return status;
		sigtimedwait(&child, NULL, &step);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}
