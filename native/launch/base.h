/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory that the scratch of a run is made in. */
#ifndef LAUNCH_BASE_H
#define LAUNCH_BASE_H

#include "launch/messages.h"

/* `wanted`, else what a batch system or the user names, else a common place: the first
 * one that not everybody can take it away from. Says why one is left out. NULL: none.
 */
const char *base_choose(const struct messages *messages, const char *wanted);

#endif
