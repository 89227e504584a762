/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/errand.h"

int errand_of_call(struct call *call, const struct errand *errand, void **ret_result)
{
	struct errand_note *note = tracee_errand(call->tracee, errand->key);
	uint32_t id;

	*ret_result = NULL;
	if (note) {
		errand->drop(errand->argument);
		*ret_result = note->result;
		call->question = note->id;
		return note->id ? LOOK_WAITS : note->error;
	}
	id = errands_send(call->run->errands, errand);
	if (!id) {
		errand->drop(errand->argument);
		return -ENOMEM;
	}
	/* Without a note what comes of it is lost; nobody shall wait for ever. */
	if (tracee_note_errand(call->tracee, errand->key, id) < 0)
		return -ENOMEM;
	call->question = id;
	return LOOK_WAITS;
}

static int work(void *argument, const atomic_bool *over)
{
	(void)over;
	memory_access_do(argument);
	return 0;
}

static void drop(void *argument)
{
	memory_access_free(argument);
}

enum verdict errand_for_memory(struct run *run, struct tracee *tracee,
			       enum verdict verdict)
{
	struct stop *stop = &tracee->stop;
	struct call call = {.run = run, .tracee = tracee};
	struct errand errand = {.work = work, .drop = drop, .argument = stop->absent};
	void *result;

	if (!stop->absent)
		return verdict;
	errand.key = memory_access_key(stop->absent);
	stop->absent = NULL;
	/* The handler took it for a bad address: nothing of that is so. */
	tracee_undo(tracee);
	stop->interrupted = false;
	if (errand_of_call(&call, &errand, &result) != LOOK_WAITS)
		return tracee_answer(tracee, -ENOMEM);
	tracee->question = call.question;
	return VERDICT_WAIT;
}
