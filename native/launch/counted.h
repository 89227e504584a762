/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An inner run with figures: somebody has to be there who counts. */
#ifndef LAUNCH_COUNTED_H
#define LAUNCH_COUNTED_H

#include "launch/launch.h"

/* From now on figures are of this run. */
void counted_begin(void);
/* Runs the command in a process of its own, in the run around, and waits for it. */
struct front_result counted_run(struct launch *launch);

#endif
