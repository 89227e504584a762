/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run --doctor: looks at the node, and has Python look at the network. */
#ifndef LAUNCH_DOCTORING_H
#define LAUNCH_DOCTORING_H

#include "launch/launch.h"

/* 0: it can; 1: it cannot; STATUS_OURS: nothing could be said. */
int doctoring_run(struct launch *launch);

/* The same as `interpose doctor`, which needs no Python either; that word is argv[at].
 */
int doctoring_of_interpose(int argc, char **argv, int at);

#endif
