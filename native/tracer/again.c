/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that waited for an answer or an errand are decided once more. */
#include "run/channel.h"
#include "run/errands.h"
#include "tracer/tracer.h"

struct again_waiting {
	struct tracer *tracer;
	uint32_t id;
	struct errand *errand;
	int error; /* of the errand */
	bool found;
};

static void again_run(struct tracee *tracee, void *context)
{
	struct again_waiting *waiting = context;

	if (tracee->state != TRACEE_WAITING || tracee->question != waiting->id)
		return;
	waiting->found = true;
	if (execs_hold(tracee))
		tracee->held_answer = true;
	else
		stops_enter(waiting->tracer, tracee);
}

/* Also of a call that was interrupted meanwhile. */
static void again_note(struct tracee *tracee, void *context)
{
	const struct again_waiting *waiting = context;
	struct errand *errand = waiting->errand;
	struct errand_note *note = tracee_errand(tracee, errand->key);

	if (!note || note->id != waiting->id)
		return;
	note->id = 0;
	note->error = waiting->error;
	if (errand->shared)
		return;
	note->result = errand->argument;
	note->drop = errand->drop;
	errand->argument = NULL;
}

void again_errand_ended(struct tracer *tracer, uint32_t id, struct errand *errand,
			int error)
{
	struct again_waiting waiting = {
		.tracer = tracer, .id = id, .error = error, .errand = errand};

	if (errand->taken)
		errand->taken(tracer->run, errand->argument, error);
	tracees_each(tracer->tracees, again_note, &waiting);
	if (errand->argument) /* nobody wants it any more */
		errand->drop(errand->argument);
	tracees_each(tracer->tracees, again_run, &waiting);
}

bool again_answered(struct tracer *tracer, uint32_t id)
{
	struct again_waiting waiting = {.tracer = tracer, .id = id};
	bool found;

	tracees_each(tracer->tracees, again_run, &waiting);
	found = waiting.found;
	if (!found)
		return false; /* launch/ asked it; it forgets it too */
	channel_forget(tracer->run->channel, id);
	/* Whoever waits for the same id still would wait for ever. */
	waiting.found = false;
	tracees_each(tracer->tracees, again_run, &waiting);
	return found;
}
