/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/maps, smaps and numa_maps with the names and numbers of our files. */
#ifndef PROC_MAPS_H
#define PROC_MAPS_H

#include "find/target.h"
#include "proc/proctext.h"

/* 1 and the text; LOOK_WAITS; else the kernel's own text stands. */
int maps_make(struct call *call, int pid, const char *name, struct proctext *ret_text);

#endif
