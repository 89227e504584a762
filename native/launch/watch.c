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
#include <unistd.h>

#include "cleanup.h"

enum { LOOKS_AFTER_SIGNAL = 5, LOOKS = 60, ROUNDS = 50, ROUND_MS = 20 };

void watch_begin(struct watch *ret_watch, struct pulse *pulse, pid_t tracer,
		 int patience_s)
{
	*ret_watch = (struct watch){.pulse = pulse,
				    .tracer = tracer,
				    .period_ms = patience_s * 1000 / LOOKS};
}

/* ---- is it stuck? ---- */

struct status {
	char state; /* as in /proc/PID/stat; '\0': unknown */
	int parent, tracer;
	unsigned long long switches; /* how often it has gone to sleep by itself */
};

static struct status read_status(pid_t pid)
{
	struct status found = {0};
	char path[40], line[256];
	_cleanup_fclose_ FILE *status = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		sscanf(line, "State: %c", &found.state);
		sscanf(line, "PPid: %d", &found.parent);
		sscanf(line, "TracerPid: %d", &found.tracer);
		sscanf(line, "voluntary_ctxt_switches: %llu", &found.switches);
	}
	return found;
}

/* By a freezer of control groups, which is no business of ours. */
static bool is_frozen(pid_t pid)
{
	char path[40], name[64] = "";
	_cleanup_fclose_ FILE *wchan = NULL;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	wchan = fopen(path, "re");
	if (!wchan || !fgets(name, sizeof(name), wchan))
		return false;
	return strstr(name, "refrigerator") || strstr(name, "freez");
}

/* One more look that found the same? */
static bool sleeps_on(struct watch *watch)
{
	struct status now = read_status(watch->tracer);
	unsigned long long before = watch->switches;

	watch->switches = now.switches;
	/* A process of the job can stop us; all of the job together is stopped with
	 * front, which looks at nothing then. */
	if (now.state == 'T') {
		kill(watch->tracer, SIGCONT);
		return false;
	}
	return (now.state == 'D' || now.state == 'S') && now.switches == before &&
	       !is_frozen(watch->tracer);
}

bool watch_is_stuck(struct watch *watch, int64_t now_ns)
{
	uint64_t turns = atomic_load(&watch->pulse->turns);
	bool unheard = watch->alone ? !atomic_load(&watch->pulse->told)
				    : atomic_load(&watch->pulse->heard) != watch->sent;
	bool turned = turns != watch->turns;

	if (now_ns < watch->next_ns)
		return false;
	watch->next_ns = now_ns + watch->period_ms * 1000000LL;
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

/* Kills what `tracer` still traces, and its other children (the resolver may wait for
 * the same as it); how much of that is alive. */
static int kill_its_own(pid_t tracer)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int alive = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		struct status status;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		status = read_status(pid);
		if ((status.tracer != tracer && status.parent != tracer) ||
		    status.state == 'Z' || status.state == 'X')
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

/* What sleeps where not even SIGKILL wakes it keeps its tracees (the kernel ends them
 * with their tracer), so they are killed one by one. A fork may be on the way: until
 * there is none. `reaps`: nor a process of ours. */
static void end_tracees(pid_t tracer, bool reaps)
{
	const struct timespec round = {.tv_nsec = ROUND_MS * 1000000L};

	for (int i = 0; i < ROUNDS; i++) {
		bool left = reaps && reap();
		int alive = kill_its_own(tracer);

		if (!left && !alive)
			break;
		nanosleep(&round, NULL);
	}
}

void watch_end_job(pid_t tracer)
{
	end_tracees(tracer, false);
}

/* One that cannot be killed keeps its descriptors, and who reads our caller's standard
 * error would wait with it. */
static void let_go(struct pulse *pulse, int front_fd)
{
	const struct timespec round = {.tv_nsec = ROUND_MS * 1000000L};

	atomic_store(&pulse->given_up, true);
	close(front_fd);
	for (int i = 0; i < ROUNDS && !atomic_load(&pulse->let_go); i++)
		nanosleep(&round, NULL);
}

void watch_end(const struct watch *watch, int front_fd)
{
	let_go(watch->pulse, front_fd);
	/* The job's processes are children of the tracer. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	kill_its_own(watch->tracer);
	kill(watch->tracer, SIGKILL);
	end_tracees(watch->tracer, true);
}
