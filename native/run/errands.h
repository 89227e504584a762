/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work that may take long (a look at a file system that does not answer, a copy): done
 * by threads, so that the loop never waits for it (docs/decisions/0011). */
#ifndef RUN_ERRANDS_H
#define RUN_ERRANDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct errands;

struct errand {
	uint64_t key; /* errands of one key are the same */
	/* Runs in another thread, so it touches nothing of the run. 0 or a negative
	 * errno. `over`: the run has ended, nobody wants it any more. */
	int (*work)(void *argument, const atomic_bool *over);
	void (*drop)(void *argument); /* afterwards, in whatever thread */
	void *argument;
	bool writes; /* into the scratch: the run's end waits for it */
};

/* `wake` is called by a thread when an errand has ended. NULL: no memory. */
struct errands *errands_create(void (*wake)(void));
/* Gives up what has not begun, waits a moment for what writes, leaves the rest to the
 * end of the process: it may be stuck in the kernel. */
void errands_destroy(struct errands *errands);

/* Takes over the argument. Returns the id to wait for (that of an equal errand under
 * way, if any); 0: no thread could be had, the argument stays the caller's. */
uint32_t errands_send(struct errands *errands, const struct errand *errand);
/* For the loop: an errand that has ended and what came of it; 0: none. */
uint32_t errands_take(struct errands *errands, int *ret_error);

/* Ids are apart from those of the channel's questions. */
#define ERRAND_ID 0x80000000u

#endif
