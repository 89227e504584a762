/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/maps, smaps and numa_maps with the names and numbers of our files. */
#ifndef SYSCALLS_MAPS_H
#define SYSCALLS_MAPS_H

#include "syscalls/proctext.h"
#include "syscalls/target.h"

/* 1 and the text; LOOK_WAITS; else the kernel's own text stands. */
int maps_make(struct view *view, int pid, const char *name, struct proctext *ret_text);

#endif
