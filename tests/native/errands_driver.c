/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errands that never end keep nobody else's: one of each pair waits for the end of all,
 * the other has to be done meanwhile. Prints how many were; is killed if one is not. */
#include <stdio.h>
#include <unistd.h>

#include "run/errands.h"

enum { PAIRS = 200, PATIENCE_S = 20 };

static int gate[2], told[2];

static void wake(void)
{
	(void)!write(told[1], "x", 1);
}

static int done(void *argument, const atomic_bool *over)
{
	(void)argument;
	(void)over;
	return 0;
}

static int stuck(void *argument, const atomic_bool *over)
{
	char byte;

	(void)argument;
	(void)over;
	return (int)read(gate[0], &byte, 1);
}

static void drop(void *argument)
{
	(void)argument;
}

static uint32_t send_one(struct errands *errands,
			 int (*work)(void *, const atomic_bool *))
{
	static uint64_t key;
	struct errand errand = {.key = ++key, .work = work, .drop = drop};

	return errands_send(errands, &errand);
}

static void await(struct errands *errands, uint32_t id)
{
	struct errand errand;
	uint32_t ended;
	int error;
	char byte;

	do {
		while ((ended = errands_take(errands, &errand, &error)) == 0)
			(void)!read(told[0], &byte, 1);
	} while (ended != id);
}

int main(void)
{
	struct errands *errands;

	if (pipe(gate) < 0 || pipe(told) < 0)
		return 2;
	alarm(PATIENCE_S);
	errands = errands_create(wake);
	for (int i = 0; i < PAIRS; i++) {
		/* Leaves a thread that is idle. */
		await(errands, send_one(errands, done));
		send_one(errands, stuck);
		await(errands, send_one(errands, done));
	}
	printf("%d\n", PAIRS);
	return 0;
}
