/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work that may take long (a look at a file system that does not answer, a copy): done
 * by threads, so that the loop never waits for it (docs/decisions/0011). */
#ifndef RUN_ERRANDS_H
#define RUN_ERRANDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct errands;
struct run;

struct errand {
	uint64_t key;
	/* Runs in another thread, so it touches nothing of the run. 0 or a negative
	 * errno. `over`: the run has ended, nobody wants it any more. */
	int (*work)(void *argument, const atomic_bool *over);
	void (*drop)(void *argument); /* afterwards, in whatever thread */
	/* For the loop, before the calls that wait are decided again; may be NULL. */
	void (*taken)(struct run *run, void *argument, int error);
	void *argument; /* what comes of it may be there, too */
	bool writes;	/* into the scratch: the run's end waits for it */
	bool shared;	/* one of its key that is under way already will do as well */
};

/* `wake` is called by a thread when an errand has ended. NULL: no memory. */
struct errands *errands_create(void (*wake)(void));
/* Gives up what has not begun, waits a moment for what writes, leaves the rest to the
 * end of the process: it may be stuck in the kernel. */
void errands_destroy(struct errands *errands);

/* Takes over the argument. Returns the id to wait for (of a shared errand: of the one
 * that is under way already, if any); 0: no memory, the argument stays the caller's.
 * Where no thread can be had it waits for one. */
uint32_t errands_send(struct errands *errands, const struct errand *errand);
/* For the loop: an errand that has ended and what came of it, the argument being the
 * caller's again; 0: none. */
uint32_t errands_take(struct errands *errands, struct errand *ret_errand,
		      int *ret_error);
/* Tries again to get threads for what is waiting for one. */
void errands_urge(struct errands *errands);

/* Ids are apart from those of the channel's questions. */
#define ERRAND_ID 0x80000000u

#endif
