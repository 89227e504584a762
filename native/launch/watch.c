/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tracer that waits in the kernel (for the file system of its scratch or caches, for
 * memory that was taken away at the wrong moment) keeps all of its job, SIGTERM
 * included. Front asks nothing of the kernel while the tracer turns; if it does not,
 * its main thread is looked at now and then. */
#define _GNU_SOURCE 1
#include "launch/watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { LOOKS_AFTER_SIGNAL = 5, LOOKS = 60, ROUNDS = 50, ROUND_MS = 20 };

/* ---- is it stuck? ---- */

/* State of a thread as in /proc/PID/stat, and how often it has gone to sleep by itself;
 * '\0': unknown. */
static char read_status(pid_t pid, unsigned long long *ret_switches, int *ret_tracer)
{
	char path[40], line[256], state = '\0';
	FILE *status;

	*ret_switches = 0;
	*ret_tracer = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		sscanf(line, "State: %c", &state);
		sscanf(line, "TracerPid: %d", ret_tracer);
		sscanf(line, "voluntary_ctxt_switches: %llu", ret_switches);
	}
	if (status)
		fclose(status);
	return state;
}

/* By a freezer of control groups, which is no business of ours. */
static bool is_frozen(pid_t pid)
{
	char path[40], name[64] = "";
	FILE *wchan;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	wchan = fopen(path, "re");
	if (!wchan)
		return false;
	if (!fgets(name, sizeof(name), wchan))
		name[0] = '\0';
	fclose(wchan);
	return strstr(name, "refrigerator") || strstr(name, "freez");
}

/* One more look that found the same? */
static bool sleeps_on(struct watch *watch)
{
	unsigned long long switches, before = watch->switches;
	int tracer;
	char state = read_status(watch->tracer, &switches, &tracer);

	watch->switches = switches;
	/* A process of the job can stop us; all of the job together is stopped with
	 * front, which looks at nothing then. */
	if (state == 'T') {
		kill(watch->tracer, SIGCONT);
		return false;
	}
	return (state == 'D' || state == 'S') && switches == before &&
	       !is_frozen(watch->tracer);
}

bool watch_is_stuck(struct watch *watch, int64_t now_ns)
{
	uint64_t turns = atomic_load(&watch->pulse->turns);
	bool unheard = atomic_load(&watch->pulse->heard) != watch->sent;
	bool turned = turns != watch->turns;

	if (now_ns < watch->next_ns)
		return false;
	watch->next_ns = now_ns + WATCH_PERIOD_MS * 1000000LL;
	watch->turns = turns;
	if (turned || !sleeps_on(watch) ||
	    (atomic_load(&watch->pulse->waits) && !unheard)) {
		watch->looks = 0;
		return false;
	}
	watch->looks++;
	return watch->looks >=
	       (unheard && watch->ends_job ? LOOKS_AFTER_SIGNAL : LOOKS);
}

/* ---- the end ---- */

/* Kills what `tracer` still traces; how much of that is alive. */
static int kill_tracees(pid_t tracer)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int alive = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		unsigned long long switches;
		int its_tracer;
		char state;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		state = read_status(pid, &switches, &its_tracer);
		if (its_tracer != tracer || state == 'Z' || state == 'X')
			continue;
		kill(pid, SIGKILL);
		alive++;
	}
	if (proc)
		closedir(proc);
	return alive;
}

/* Whatever has become ours and has ended. False: nothing of it is left. */
static bool reap(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0 || (pid < 0 && errno == EINTR));
	return pid == 0;
}

void watch_end(const struct watch *watch)
{
	const struct timespec round = {.tv_nsec = ROUND_MS * 1000000L};
	int alive = 1;

	/* The job's processes are children of the tracer. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	kill(watch->tracer, SIGKILL);
	/* What sleeps where not even that wakes it keeps its tracees (the kernel ends
	 * them with their tracer), so they are killed one by one. A fork may be on the
	 * way: until there is none. */
	for (int i = 0; i < ROUNDS; i++) {
		bool left = reap();

		alive = kill_tracees(watch->tracer);
		if (!left && !alive)
			break;
		nanosleep(&round, NULL);
	}
}
