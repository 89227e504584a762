/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a tracee's absolute paths begin. Nearly always that is where ours do, and then
 * nothing is asked; a process with a mount namespace of its own has other files by the
 * same names. */
#ifndef FIND_FOOTING_H
#define FIND_FOOTING_H

#include "run/run.h"
#include "tracee/tracee.h"

/* As of now. */
const struct footing *footing_of(const struct run *run, struct tracee *tracee);
/* O_PATH descriptor of the tracee's root, in its own mounts; a negative errno. */
int footing_root(const struct run *run, struct tracee *tracee);
/* The same directory in the same mount as the tracee's root. */
bool footing_is_root(const struct run *run, struct tracee *tracee, int fd);
/* Somebody has changed the root of a whole mount namespace: read all anew. */
void footing_all_stale(struct run *run);
/* The mount that (fd, path) lies in, of statx(2); 0: this kernel does not tell. */
uint64_t footing_mount(int fd, const char *path);

#endif
