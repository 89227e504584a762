/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "arch/numbers.h"

enum { STACK_SIZE = 128 * 1024 };

struct beginning {
	void (*work)(void *context);
	void *context;
	uint64_t mask; /* of signals, of the thread that starts it */
};

/* pthread_create() lets two signals through, in both threads, that the C library has
 * for itself: whoever sent us one of them would end us. */
static void keep_mask(const uint64_t *mask)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL, sizeof(*mask));
}

static void *begin_thread(void *context)
{
	struct beginning beginning = *(struct beginning *)context;

	free(context);
	keep_mask(&beginning.mask);
	beginning.work(beginning.context);
	return NULL;
}

int thread_start(void (*work)(void *context), void *context)
{
	struct beginning *beginning = malloc(sizeof(*beginning));
	pthread_attr_t attributes;
	pthread_t thread;
	uint64_t mask;
	int error;

	if (!beginning)
		return -ENOMEM;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(mask));
	*beginning = (struct beginning){work, context, mask};
	error = pthread_create(&thread, &attributes, begin_thread, beginning);
	keep_mask(&mask);
	pthread_attr_destroy(&attributes);
	if (error)
		free(beginning);
	return -error;
}
