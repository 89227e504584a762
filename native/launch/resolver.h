/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts resolvers for the channel. */
#ifndef LAUNCH_RESOLVER_H
#define LAUNCH_RESOLVER_H

#include "launch/messages.h"
#include "launch/options.h"

struct resolver {
	const struct options *options;
	const struct messages *messages;
	const char *scratch;
};

/* A channel_starter; `context` is a struct resolver. Says itself what went wrong. */
int resolver_start(void *context, int *ret_fd);

#endif
