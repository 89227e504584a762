/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run --doctor: looks at the node, and has Python look at the network. */
#ifndef LAUNCH_DOCTORING_H
#define LAUNCH_DOCTORING_H

#include <stdbool.h>

#include "launch/launch.h"

/* 0: it can; 1: it cannot; STATUS_OURS: nothing could be said. */
int doctoring_run(struct launch *launch);

/* The same as `interpose doctor`, which needs no Python either. */
bool doctoring_is_called(int argc, char **argv);
int doctoring_of_interpose(int argc, char **argv);

#endif
