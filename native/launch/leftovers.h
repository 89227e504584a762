/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a tracer could not remove any more. */
#ifndef LAUNCH_LEFTOVERS_H
#define LAUNCH_LEFTOVERS_H

#include "launch/launch.h"

/* Begins to remove the scratches, if there are any, in a process that takes some
 * seconds and no more: a file system that does not answer keeps nobody else. Its id, or
 * 0. */
pid_t leftovers_remove(struct launch *launch);
/* Waits for it. */
void leftovers_finish(pid_t pid);

#endif
