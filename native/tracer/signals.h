/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A signal that front got reaches the job's main process exactly once (docs/decisions/
 * 0002): the main process is in front's group, so it is the witness whether the signal
 * was sent to the whole group. */
#ifndef TRACER_SIGNALS_H
#define TRACER_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tracer/events.h"

enum { SIGNALS_REMEMBERED = 32 };

struct signal_note {
	int number; /* 0: free */
	int64_t time_ns;
	struct event_sender sender;
};

struct signals {
	struct signal_note reported[SIGNALS_REMEMBERED]; /* by front, not decided */
	struct signal_note seen[SIGNALS_REMEMBERED];	 /* delivered, not reported */
	struct signal_note expected[SIGNALS_REMEMBERED]; /* reported, pending there */
	struct signal_note passed[SIGNALS_REMEMBERED];	 /* by us, not delivered */
};

/* Front got one. */
void signals_report(struct signals *signals, pid_t main_pid, const struct event *event);
/* A thread of the main process is about to get `number` (a signal-delivery stop).
 * `passer`: who passes signals on. */
void signals_deliver(struct signals *signals, pid_t passer, pid_t tid, int number);
/* Passes on what the main process did not get by itself in time. */
void signals_tick(struct signals *signals, pid_t main_pid, int64_t now_ns);
/* One of these, for who passes it on; false: there is none now. */
bool signals_take_due(struct signals *signals, pid_t main_pid, int64_t now_ns,
		      struct signal_note *ret_note);
/* Signals that wait at a thread or its process, that it blocks, and what the process
 * does with them (proc_pid_status(5)); 0 of one that is gone. */
struct signal_masks {
	uint64_t pending, blocked, ignored, caught;
};
void signals_read(pid_t tid, struct signal_masks *ret_masks);
/* Its process ignores `number`, which is about to come to this thread: by its own wish,
 * or as everybody does who says nothing about it (signal(7)). */
bool signals_ignored(pid_t tid, int number);
/* When to call signals_tick(); 0: nothing is undecided. */
int64_t signals_deadline(const struct signals *signals);

#endif
