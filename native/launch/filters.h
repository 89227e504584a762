/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two filters of a run. */
#ifndef LAUNCH_FILTERS_H
#define LAUNCH_FILTERS_H

#include <linux/filter.h>

#include "launch/launch.h"

/* *ret_first is the job's from its start; the second one goes to `run`. 0 or a negative
 * errno of filter_build(). */
int filters_make(struct launch *launch, struct sock_fprog *ret_first);

#endif
