/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of /proc/PID that name files or mounts, as a mount of /cvmfs would show them:
 * the opener gets a text that was made at that moment (docs/compatibility.md). */
#ifndef PROC_SNAPSHOT_H
#define PROC_SNAPSHOT_H

#include "find/target.h"
#include "proc/proctext.h"

/* snapshot.c: 1 and what is to be shown of target->proc_file; LOOK_WAITS; else it is
 * the kernel's own text. */
int snapshot_make(struct target *target, struct proctext *ret_text);

/* textfile.c: an open of target->proc_file. VERDICT_PASS where the kernel's own text is
 * right, where it is not opened for plain reading, and at every failure. */
enum verdict snapshot_open(struct target *target, unsigned int position);
/* The tracee is gone: so is the file that it was about to open. */
void snapshot_gone(struct run *run, struct tracee *tracee);

#endif
