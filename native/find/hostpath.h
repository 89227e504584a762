/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FIND_HOSTPATH_H
#define FIND_HOSTPATH_H

#include "find/target.h"

/* A path of directory `dir`, which `magic` (a link of /proc, or "") has led to. What
 * was removed, what is no file, what lies in other mounts and what the job may not walk
 * to has none but the one by that link. Its length, LOOK_WAITS or a negative errno. */
ssize_t hostpath_of(struct call *call, int dir, const char *magic,
		    char path[TARGET_PATH_SIZE]);

#endif
