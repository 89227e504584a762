/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept of each inner run that has a front. */
#ifndef TRACER_INSIDE_H
#define TRACER_INSIDE_H

#include "tracer/inner.h"
#include "tracer/signals.h"

struct inner {
	struct inner *next;
	uint32_t number;
	uint32_t around;  /* number of the inner run that its front is of, or 0 */
	pid_t front;	  /* its process */
	pid_t front_name; /* what its children call it */
	pid_t main;	/* thread that leads the main process; 0: not yet, -1: ended */
	int stopped_by; /* a signal; 0: the main process is not stopped */
	uint32_t stops; /* so far */
	int64_t begun_ns; /* the tracer's processor time */
	char *begun;	  /* the resolver's figures then; NULL: none */
	struct counters counters;
	struct signals signals;
};

struct inners {
	struct inner *first;
	uint32_t last; /* number */
};

/* NULL: there is none of this number. */
struct inner *inner_find(const struct run *run, uint32_t number);
/* The one whose front this is from now on; NULL: no memory. */
struct inner *inner_begin(struct run *run, struct tracee *front);

/* inside.c: of run->inside */
int inside_answer(struct run *run, struct tracee *tracee);

#endif
