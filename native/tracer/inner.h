/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run below this run: it has no tracer of its own. What it asks, it asks by a
 * prctl that no kernel knows: prctl(SYSCALLS_HYPERCALL, operation, ...), and whoever
 * asks is a process of the job. An inner run that returns figures has a front, which
 * waits for its main process; others become their command. */
#ifndef TRACER_INNER_H
#define TRACER_INNER_H

#include "run/run.h"
#include "tracee/tracee.h"

enum inside_operation {
	INSIDE_ASK = 1, /* 0: there is a run around */
	/* address, size: gets the text of options_describe(); its length */
	INSIDE_DESCRIBE = 2,
	/* address, size of NUL-ended NAME=VALUE (INTERPOSE_ADD), address of
	 * INSIDE_REPLY_SIZE bytes: 0 if that is added; else the length of a line there,
	 * and -EPERM for those whom the run does not obey */
	INSIDE_ADD = 3,
	/* pid by which its children know the caller: it is a front from now on, and its
	 * next child a main process */
	INSIDE_BEGIN = 4,
	/* address of a struct inside_figures, address and size of the text of the
	 * resolver's; the length of that */
	INSIDE_END = 5,
	/* address of a struct event: the front got this signal */
	INSIDE_SIGNAL = 6,
	/* address of a struct event: 1 if it was filled, and is to be passed on; 2: one
	 * may be due later; 0: none is */
	INSIDE_DUE = 7,
	/* 0, or the signal that the main process is stopped by and, times
	 * INSIDE_STOP_UNIT, the number of that stop */
	INSIDE_STOPPED = 8
};

enum { INSIDE_STOP_UNIT = 256 };

enum { INSIDE_REPLY_SIZE = 4096, INSIDE_TEXT_SIZE = 64 * 1024 };

/* Of the main process and all its descendants, up to now. */
struct inside_figures {
	struct counters counters;
	int64_t tracer_ns; /* processor time of the tracer, for whomever */
};

/* 0 or -ENOMEM. */
int inner_create(struct run *run);
void inner_destroy(struct run *run);
/* What the counters have more than `before` was done for this tracee. */
void inner_count(struct run *run, const struct tracee *tracee,
		 const struct counters *before);
/* At the birth of a process, before it is known. */
void inner_born(struct run *run, const struct tracee *parent, pid_t tid);
/* A thread has ended. */
void inner_gone(struct run *run, struct tracee *tracee);
/* At a signal-delivery stop. */
void inner_deliver(struct run *run, const struct tracee *tracee, int signal);
/* At a group stop; `signal` 0: at its end. */
void inner_main_stopped(struct run *run, const struct tracee *tracee, int signal);

#endif
