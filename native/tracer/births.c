/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New tracees. A child's first stop and its parent's event come in either order; the
 * child stays stopped until both were seen. */
#define _GNU_SOURCE 1
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "fast/fast.h"
#include "run/clock.h"
#include "tracer/inner.h"
#include "tracer/tracer.h"

/* A parent that was killed never tells of its child; nobody else waits this long. */
static const int64_t adopt_ns = 1000 * 1000000LL;

int births_take_early(struct tracer *tracer, pid_t tid, int *ret_status)
{
	for (size_t i = 0; i < tracer->early_count; i++) {
		if (tracer->early[i].tid == tid) {
			*ret_status = tracer->early[i].status;
			tracer->early[i] = tracer->early[--tracer->early_count];
			return 1;
		}
	}
	return 0;
}

void births_keep_early(struct tracer *tracer, pid_t tid, int status)
{
	int old;

	births_take_early(tracer, tid, &old);
	if (tracer->early_count == tracer->early_capacity) {
		size_t capacity = tracer->early_capacity * 2 + 16;
		struct early_stop *grown =
			realloc(tracer->early, capacity * sizeof(*grown));

		if (!grown)
			return;
		tracer->early = grown;
		tracer->early_capacity = capacity;
	}
	tracer->early[tracer->early_count++] = (struct early_stop){
		.tid = tid, .status = status, .time_ns = clock_now_ns()};
}

bool births_of_parent(struct tracer *tracer, struct tracee *parent,
		      struct early_stop *ret_stop)
{
	unsigned long message = 0;
	struct tracee *child;
	uint64_t flags;
	pid_t tid;

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &message) < 0)
		return false;
	tid = (pid_t)message;
	flags = tracee_clone_flags(parent);
	if (!(flags & CLONE_THREAD)) {
		tracer->run->counters.processes++;
		inner_born(tracer->run, parent, tid);
	}
	if (tracees_find(tracer->tracees, tid))
		return false;
	ret_stop->tid = tid;
	if (births_take_early(tracer, tid, &ret_stop->status)) {
		if (!WIFSTOPPED(ret_stop->status))
			return false; /* it has lived and died already */
		child = tracees_add_child(tracer->tracees, parent, tid, flags);
		if (child)
			fast_born(tracer->run, child);
		else
			kill(tid, SIGKILL); /* no memory: better dead than unserved */
		return child;
	}
	child = tracees_add_child(tracer->tracees, parent, tid, flags);
	if (child) {
		child->state = TRACEE_NEW;
		fast_born(tracer->run, child);
	}
	return false;
}

/* Who is likely to have made `tid`: a thread's leader, else the parent process. */
static struct tracee *births_likely_parent(struct tracer *tracer, pid_t tid,
					   uint64_t *ret_flags)
{
	char path[64], line[256];
	struct tracee *tracee = NULL;
	int id;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	file = fopen(path, "re");
	while (file && !tracee && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Tgid: %d", &id) == 1 && id != tid) {
			tracee = tracees_find(tracer->tracees, id);
			*ret_flags = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND |
				     CLONE_FS | CLONE_FILES;
		} else if (sscanf(line, "PPid: %d", &id) == 1) {
			tracee = tracees_find(tracer->tracees, id);
			*ret_flags = 0;
		}
	}
	if (file)
		fclose(file);
	return tracee;
}

bool births_adopt(struct tracer *tracer, int64_t now_ns, struct early_stop *ret_stop)
{
	for (size_t i = 0; i < tracer->early_count; i++) {
		struct early_stop stop = tracer->early[i];
		struct tracee *parent;
		uint64_t flags = 0;
		int status;

		if (now_ns < stop.time_ns + adopt_ns)
			continue;
		births_take_early(tracer, stop.tid, &status);
		i--;
		if (!WIFSTOPPED(stop.status))
			continue;
		parent = births_likely_parent(tracer, stop.tid, &flags);
		if (parent ? !tracees_add_child(tracer->tracees, parent, stop.tid,
						flags)
			   : !tracees_add_first(tracer->tracees, stop.tid)) {
			kill(stop.tid, SIGKILL);
			continue;
		}
		fast_born(tracer->run, tracees_find(tracer->tracees, stop.tid));
		/* Perhaps of a clone with flags that nobody has seen. */
		tracees_find(tracer->tracees, stop.tid)->footing->stale = true;
		*ret_stop = stop;
		return true;
	}
	return false;
}

int64_t births_deadline(const struct tracer *tracer)
{
	return tracer->early_count ? tracer->early[0].time_ns + adopt_ns : 0;
}
