/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever is asked here comes from the job: an address is read and written as the
 * asker's own, a process that is signalled is the asker or what it has started. */
#define _GNU_SOURCE 1
#include "tracer/inner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/clock.h"
#include "tracer/inside.h"

int inner_create(struct run *run)
{
	run->inners = calloc(1, sizeof(*run->inners));
	run->inside = inside_answer;
	return run->inners ? 0 : -ENOMEM;
}

static void inner_free(struct inner *inner)
{
	free(inner->begun);
	free(inner);
}

void inner_destroy(struct run *run)
{
	while (run->inners && run->inners->first) {
		struct inner *next = run->inners->first->next;

		inner_free(run->inners->first);
		run->inners->first = next;
	}
	free(run->inners);
	run->inners = NULL;
}

struct inner *inner_find(const struct run *run, uint32_t number)
{
	struct inner *inner = number ? run->inners->first : NULL;

	while (inner && inner->number != number)
		inner = inner->next;
	return inner;
}

struct inner *inner_begin(struct run *run, struct tracee *front)
{
	struct process *process = front->process;
	struct inner *inner = inner_find(run, process->front_inner);

	if (inner)
		return inner;
	inner = calloc(1, sizeof(*inner));
	if (!inner)
		return NULL;
	inner->number = ++run->inners->last;
	inner->around = process->inner;
	inner->front = process->tgid;
	inner->next = run->inners->first;
	run->inners->first = inner;
	process->front_inner = inner->number;
	return inner;
}

/* ---- what is counted ---- */

static void count_one(struct inner *inner, const struct counters *before,
		      const struct counters *now)
{
	inner->counters.stops += now->stops - before->stops;
	inner->counters.exit_stops += now->exit_stops - before->exit_stops;
	inner->counters.answered += now->answered - before->answered;
	inner->counters.redirected += now->redirected - before->redirected;
	inner->counters.questions += now->questions - before->questions;
	inner->counters.processes += now->processes - before->processes;
}

/* An inner run is part of those around it. */
static void count_all(struct run *run, uint32_t number, const struct counters *before)
{
	for (struct inner *inner = inner_find(run, number); inner;
	     inner = inner_find(run, inner->around))
		count_one(inner, before, &run->counters);
}

void inner_count(struct run *run, const struct tracee *tracee,
		 const struct counters *before)
{
	if (tracee->process->inner)
		count_all(run, tracee->process->inner, before);
}

void inner_born(struct run *run, const struct tracee *parent, pid_t tid)
{
	struct counters before = run->counters;
	uint32_t number = parent->process->front_inner;
	struct inner *inner = inner_find(run, number);

	if (inner && !inner->main)
		inner->main = tid;
	before.processes--;
	count_all(run, number ? number : parent->process->inner, &before);
}

/* ---- ends ---- */

static struct inner *inner_of_main(const struct run *run, pid_t tid)
{
	struct inner *inner = run->inners->first;

	while (inner && inner->main != tid)
		inner = inner->next;
	return inner;
}

struct moving {
	uint32_t from, to;
};

static void move_one(struct tracee *tracee, void *context)
{
	const struct moving *moving = context;

	if (tracee->process->inner == moving->from)
		tracee->process->inner = moving->to;
}

/* What goes on is of the run around. A front that was killed leaves no main process
 * behind; what else there is of its job is nobody's, as orphans are. */
static void front_gone(struct run *run, struct inner *gone)
{
	struct moving moving = {.from = gone->number, .to = gone->around};
	struct inner **place = &run->inners->first;

	if (gone->main > 0)
		kill(gone->main, SIGKILL);
	while (*place != gone)
		place = &(*place)->next;
	*place = gone->next;
	for (struct inner *inner = run->inners->first; inner; inner = inner->next)
		if (inner->around == gone->number)
			inner->around = gone->around;
	tracees_each(run->tracees, move_one, &moving);
	inner_free(gone);
}

void inner_gone(struct run *run, struct tracee *tracee)
{
	struct process *process = tracee->process;
	struct inner *inner = inner_of_main(run, tracee->tid);

	if (inner) {
		inner_main_stopped(run, tracee, 0); /* a stopped front hears nothing */
		inner->main = -1;
	}
	if (process->users == 1 && process->front_inner) {
		inner = inner_find(run, process->front_inner);
		process->front_inner = 0;
		if (inner)
			front_gone(run, inner);
	}
}

/* ---- signals ---- */

void inner_deliver(struct run *run, const struct tracee *tracee, int signal)
{
	struct inner *inner =
		run->inners->first ? inner_of_main(run, tracee->process->tgid) : NULL;

	if (inner)
		signals_deliver(&inner->signals, inner->front_name, tracee->tid,
				signal);
}

/* Front stops by itself when it has heard of it, but cannot hold SIGSTOP back; and
 * stopped it can do nothing. */
void inner_main_stopped(struct run *run, const struct tracee *tracee, int signal)
{
	struct inner *inner =
		run->inners->first ? inner_of_main(run, tracee->tid) : NULL;

	if (!inner || inner->stopped_by == signal)
		return;
	inner->stopped_by = signal;
	inner->stops += signal != 0;
	kill(inner->front, signal == 0	       ? SIGCONT
			   : signal == SIGSTOP ? SIGSTOP
					       : SIGCHLD);
}
