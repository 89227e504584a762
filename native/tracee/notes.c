/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What errands of a call have found. A decision that needs several of them starts from
 * the beginning each time, so each result stays until the call is decided: nobody is
 * asked twice, and what a server does not let the kernel keep is not lost. */
#include <errno.h>
#include <stdlib.h>

#include "tracee/tracee.h"

struct errand_note *tracee_errand(const struct tracee *tracee, uint64_t key)
{
	const struct stop *stop = &tracee->stop;

	for (size_t i = 0; i < stop->errand_count; i++)
		if (stop->errands[i].key == key)
			return &stop->errands[i];
	return NULL;
}

int tracee_note_errand(struct tracee *tracee, uint64_t key, uint32_t id)
{
	struct stop *stop = &tracee->stop;
	size_t room = stop->errand_room * 2 + 4;
	struct errand_note *grown;

	if (stop->errand_count == stop->errand_room) {
		grown = realloc(stop->errands, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		stop->errands = grown;
		stop->errand_room = room;
	}
	stop->errands[stop->errand_count++] =
		(struct errand_note){.key = key, .id = id};
	return 0;
}

void tracee_forget_errands(struct tracee *tracee)
{
	struct stop *stop = &tracee->stop;

	for (size_t i = 0; i < stop->errand_count; i++)
		if (stop->errands[i].result)
			stop->errands[i].drop(stop->errands[i].result);
	free(stop->errands);
	stop->errands = NULL;
	stop->errand_count = stop->errand_room = 0;
	stop->interrupted = false;
	if (stop->absent)
		memory_access_free(stop->absent);
	stop->absent = NULL;
}
