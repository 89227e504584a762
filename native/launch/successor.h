/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who looks at the tracer when front has gone. */
#ifndef LAUNCH_SUCCESSOR_H
#define LAUNCH_SUCCESSOR_H

#include "launch/launch.h"

/* In the tracer: a thread that sleeps until front is gone, then watches as front did,
 * and ends a tracer that does not react with all of its job. */
void successor_start(struct launch *launch);

#endif
