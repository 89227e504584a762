/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether this job's objects may lie in a cache that other nodes use, too. */
#ifndef LAUNCH_SHARING_H
#define LAUNCH_SHARING_H

#include "launch/options.h"

/* Looks for the name of such a parameter only, before anything is evaluated: true if
 * the command line, the environment or a file of the configuration has one. */
bool sharing_is_possible(const struct options *options);

#endif
