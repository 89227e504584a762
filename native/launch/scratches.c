/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/scratches.h"

#include "doctor/doctor.h"
#include "launch/base.h"
#include "run/scratch.h"

/* What a killed run has left in memory is not kept until a job needs some. */
static void find_memory(struct launch *launch)
{
	struct run *run = &launch->run;

	run->memory = launch->memory;
	run->memory_base = base_of_memory(run->scratch.path);
	if (!run->memory_base)
		return;
	scratch_remove_dead(run->memory_base);
	message_detail(&launch->messages, "directories of /cvmfs are made in %s",
		       run->memory_base);
}

int scratches_make(struct launch *launch)
{
	const char *base = base_choose(&launch->messages, launch->options.scratch);
	int error;

	if (!base)
		return message_ill(&launch->messages, doctor_row("scratch")->advice,
				   "no scratch directory can be used");
	error = scratch_create(base, SCRATCH_OF_RUN, launch->scratch);
	if (error < 0)
		return message_no_scratch(&launch->messages, base, -error);
	launch->run.scratch = *launch->scratch;
	message_detail(&launch->messages, "scratch is %s", launch->scratch->path);
	find_memory(launch);
	return 0;
}

void scratches_remove(struct launch *launch)
{
	scratch_remove(launch->memory);
	scratch_remove(launch->scratch);
}
