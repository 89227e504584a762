/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads of the tracer beside its loop. */
#ifndef RUN_THREAD_H
#define RUN_THREAD_H

/* Runs `work` in a thread of its own, which nobody joins; it takes no signal. 0 or a
 * negative errno. */
int thread_start(void (*work)(void *context), void *context);

#endif
