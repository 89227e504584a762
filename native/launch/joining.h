/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run below another interpose_run. */
#ifndef LAUNCH_JOINING_H
#define LAUNCH_JOINING_H

#include <stdbool.h>

#include "launch/launch.h"

bool joining_is_inside(void);
/* Runs the command in the outer run. With --stats it returns when the command has
 * ended; else only if that could not be begun. */
struct front_result joining_run(struct launch *launch);
/* Becomes the command; if that cannot be, the status after a line that says why. */
int joining_execute(const struct launch *launch);

#endif
