/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/run.h"

#include <errno.h>
#include <stdlib.h>

#include "run/errands.h"
#include "run/mounts.h"
#include "run/nodes.h"
#include "run/objects.h"
#include "run/prefixes.h"
#include "run/slowmounts.h"

int run_create(struct run *run, channel_starter start, void *context,
	       void (*wake)(void))
{
	run->channel = channel_create(start, context);
	run->errands = errands_create(wake);
	run->slow = slowmounts_create();
	run->mounts = mounts_create(&run->scratch);
	run->objects = objects_create();
	run->nodes = nodes_create();
	return run->channel && run->errands && run->slow && run->mounts &&
			       run->objects && run->nodes
		       ? 0
		       : -ENOMEM;
}

void run_destroy(struct run *run)
{
	mounts_destroy(run->mounts);
	objects_destroy(run->objects);
	nodes_destroy(run->nodes);
	slowmounts_destroy(run->slow);
	prefixes_deinit(&run->prefixes);
	free(run->groups);
}
