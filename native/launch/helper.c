/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/helper.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILL_MS = 1000, NOT_LOADED = 127, LITTLE_MEMORY = 256 << 20 };

extern char **environ;

/* Below these Python ends somewhere on its way to do that: with a traceback, by an
 * abort of a library, or with a lock that nobody gives back. Bytes;
 * ../../docs/limits.md. */
static const struct {
	int limit;
	const char *option;
	rlim_t least[2]; /* by enum helper_work */
} needed[] = {{RLIMIT_AS, "-v", {28 << 20, 80 << 20}},
	      {RLIMIT_DATA, "-d", {14 << 20, 36 << 20}}};

bool helper_lacks_memory(enum helper_work work, struct helper_lack *ret_lack)
{
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (getrlimit(needed[i].limit, &limit) == 0 &&
		    limit.rlim_cur < needed[i].least[work]) {
			snprintf(ret_lack->needs, sizeof(ret_lack->needs),
				 "needs %u MB of memory",
				 (unsigned)(needed[i].least[work] >> 20));
			snprintf(ret_lack->advice, sizeof(ret_lack->advice),
				 "raise the limit: ulimit %s", needed[i].option);
			return true;
		}
	return false;
}

/* Whether so little memory may be had that Python may fail anywhere, in any way. */
static bool is_short_of_memory(void)
{
	static const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (getrlimit(limits[i], &limit) == 0 && limit.rlim_cur < LITTLE_MEMORY)
			return true;
	return false;
}

const char *helper_advice(int status)
{
	static const char low[] =
		"a limit may be too low for Python: ulimit -s, -v, -d";

	if (!WIFEXITED(status) || is_short_of_memory())
		return low;
	/* ld.so(8) could not map all of it. */
	if (WEXITSTATUS(status) == NOT_LOADED)
		return "a library of it is missing, or a limit too low: ulimit -s, -v, "
		       "-d";
	return "is interpose installed for this Python?";
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

int helper_start(const char *path, char *const argv[], int fd, pid_t *ret_pid)
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
	error = posix_spawn(ret_pid, path, &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	free(environment);
	return -error;
}

/* True: it has ended. */
static bool helper_ends(pid_t pid, int patience_ms, int *ret_status)
{
	struct timespec step = {.tv_nsec = 2 * 1000000L};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	/* SIGCHLD is blocked in the tracer: it ends the pause early, that is all. */
	for (int waited = 0; waited < patience_ms; waited += 2) {
		if (waitpid(pid, ret_status, WNOHANG) != 0)
			return true;
		sigtimedwait(&child, NULL, &step);
	}
	return false;
}

int helper_finish(pid_t pid, int patience_ms)
{
	int status = 0;

	if (pid <= 0 || helper_ends(pid, patience_ms, &status))
		return status;
	kill(pid, SIGKILL);
	/* What sleeps in a file system that does not answer cannot even be killed. */
	helper_ends(pid, KILL_MS, &status);
	return status;
}
