/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directories that a run makes its files in, as far as the command line and the
 * environment say it. */
#ifndef LAUNCH_BASE_H
#define LAUNCH_BASE_H

#include <limits.h>

#include "launch/messages.h"

/* `wanted`, else what a batch system or the user names, else a common place: the first
 * one that not everybody can take it away from. Says why one is left out. NULL: none.
 */
const char *base_choose(const struct messages *messages, const char *wanted);
/* Where the private cache is by default; `wanted`: what an option names, or NULL. 0;
 * -ENOENT: nowhere, or not an absolute path. */
int base_of_cache(const char *wanted, const char *const *environment,
		  char ret_path[PATH_MAX]);

/* A directory on a tmpfs for those of /cvmfs: perhaps the one that the run's `scratch`
 * is in. NULL: there is none that can be used. */
const char *base_of_memory(const char *scratch);

#endif
