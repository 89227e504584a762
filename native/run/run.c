/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "run/errands.h"
#include "run/inscription.h"
#include "run/mounts.h"
#include "run/nodes.h"
#include "run/objects.h"
#include "run/openables.h"
#include "run/owners.h"
#include "run/prefixes.h"
#include "run/skeletons.h"
#include "run/slowmounts.h"
#include "run/stubcaches.h"
#include "run/twins.h"
#include "run/unasked.h"

enum { FIGURES_MAX = 1024 * 1024 };

int run_create(struct run *run, channel_starter start, void *context,
	       void (*wake)(void))
{
	uint16_t number = 0;

	getrandom(&number, sizeof(number), 0);
	run->number = number % INSCRIPTION_RUNS;
	run->channel = channel_create(start, context);
	run->errands = errands_create(wake);
	run->slow = slowmounts_create();
	run->mounts = mounts_create(&run->scratch);
	run->objects = objects_create();
	run->nodes = nodes_create();
	run->skeletons = skeletons_create();
	run->twins = twins_create();
	run->owners = owners_create();
	run->openables = openables_create();
	run->stubcaches = stubcaches_create();
	run->unasked = unasked_create();
	return run->channel && run->errands && run->slow && run->mounts &&
			       run->objects && run->nodes && run->skeletons &&
			       run->twins && run->owners && run->openables &&
			       run->stubcaches && run->unasked
		       ? 0
		       : -ENOMEM;
}

void run_destroy(struct run *run)
{
	mounts_destroy(run->mounts);
	objects_destroy(run->objects);
	nodes_destroy(run->nodes);
	skeletons_destroy(run->skeletons);
	twins_destroy(run->twins);
	owners_destroy(run->owners);
	openables_destroy(run->openables);
	stubcaches_destroy(run->stubcaches);
	unasked_destroy(run->unasked);
	slowmounts_destroy(run->slow);
	prefixes_deinit(&run->prefixes);
	free(run->groups);
}

bool run_has_said(const struct run *run, unsigned int said)
{
	return run->said >> said & 1;
}

void run_say_once(struct run *run, unsigned int said, const char *text)
{
	if (!run_has_said(run, said))
		run->say(run->say_context, text);
	run->said |= 1u << said;
}

char *run_figures_left(const struct run *run)
{
	int fd = openat(run->scratch.fd, "figures", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char *text = fd < 0 ? NULL : calloc(1, FIGURES_MAX + 1);
	ssize_t got = text ? read(fd, text, FIGURES_MAX) : -1;

	if (fd >= 0)
		close(fd);
	if (got > 0)
		return text;
	free(text);
	return NULL;
}
