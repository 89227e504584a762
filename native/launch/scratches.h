/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two scratches of a run: the one that it always has, and the one in memory. */
#ifndef LAUNCH_SCRATCHES_H
#define LAUNCH_SCRATCHES_H

#include "launch/launch.h"

/* Makes the first one, and finds where the second one can be made when it is needed. 0,
 * or a line was written. */
int scratches_make(struct launch *launch);
/* In any process that shares them; safe to call twice. */
void scratches_remove(struct launch *launch);

#endif
