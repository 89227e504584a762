/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSCALLS_HOSTPATH_H
#define SYSCALLS_HOSTPATH_H

#include "syscalls/target.h"

/* A path of directory `dir`, which `magic` (a link of /proc, or "") has led to. What
 * was removed, what is no file, what lies in other mounts and what the job may not walk
 * to has none but the one by that link. Its length, LOOK_WAITS or a negative errno. */
ssize_t hostpath_of(struct view *view, int dir, const char *magic,
		    char path[TARGET_PATH_SIZE]);

#endif
