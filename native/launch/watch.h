/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the tracer still react? */
#ifndef LAUNCH_WATCH_H
#define LAUNCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tracer/pulse.h"

enum { WATCH_PATIENCE_S = 120, WATCH_PATIENCE_MOST_S = 24 * 3600 };

struct watch {
	struct pulse *pulse;
	pid_t tracer;
	int period_ms;
	bool alone;    /* front has gone; it is the tracer that watches itself */
	uint32_t sent; /* messages to it */
	bool ends_job; /* one of them was a signal that ends most jobs */
	int64_t next_ns;
	uint64_t turns;
	unsigned long long switches; /* how often it has begun to sleep */
	int looks;		     /* in a row that found it in the same sleep */
};

void watch_begin(struct watch *ret_watch, struct pulse *pulse, pid_t tracer,
		 int patience_s);
/* Looks, if it is time to. True: it sleeps, not in its own wait, and has not woken up
 * for long: `patience_s`, or a twelfth of that where it leaves a signal that ends jobs
 * lying, or front was killed. A busy or suspended machine does not count, nor a tracer
 * that is stopped: that is continued. */
bool watch_is_stuck(struct watch *watch, int64_t now_ns);
/* Kills it and every process of the job, and waits for them as far as they can go;
 * closes front's end of the pair with it. */
void watch_end(const struct watch *watch, int front_fd);
/* By the tracer itself: the job. */
void watch_end_job(pid_t tracer);

#endif
