/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts resolvers for the channel. */
#ifndef LAUNCH_RESOLVER_H
#define LAUNCH_RESOLVER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "launch/messages.h"
#include "launch/options.h"

struct resolver {
	const struct options *options;
	const struct messages *messages;
	const char *scratch;
	char kept[PATH_MAX]; /* directory for mount files (run/kept.h); "": none */
	pid_t last_pid;	     /* the one started last; 0: none, or reaped */
	int last_status;     /* its wait status when it was reaped */
	bool answered;	     /* the last one has answered something */
	bool complained;     /* about one that ended without a word */
};

/* Fills resolver->kept: one directory for the same settings. */
void resolver_find_kept(struct resolver *resolver, const char *const *environment);
/* The directory that the run may take mount files from; NULL: none. */
const char *resolver_kept(const struct resolver *resolver);

/* A channel_starter; `context` is a struct resolver. Says itself what went wrong. One
 * that gave up (it wrote why) is not started again, one that was killed is. */
int resolver_start(void *context, int *ret_fd);

#endif
