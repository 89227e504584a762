/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stat family, whatever the layout of what it fills in. */
#ifndef SYSCALLS_STAT_H
#define SYSCALLS_STAT_H

#include <sys/stat.h>
#include <sys/vfs.h>

#include "find/target.h"

/* Fills the caller's buffer. 0 or a negative errno, which is the answer. */
typedef int (*stat_layout)(struct tracee *tracee, uint64_t buffer,
			   const struct stat *st);
/* (path, buffer); flags: TARGET_FOLLOW or 0 */
enum verdict stat_path(struct run *run, struct tracee *tracee, unsigned int flags,
		       stat_layout layout);
/* (fd, buffer) */
enum verdict stat_descriptor(struct run *run, struct tracee *tracee,
			     stat_layout layout);
/* (dirfd, path, buffer, flags) */
enum verdict stat_at(struct run *run, struct tracee *tracee, stat_layout layout);

/* statfs.c, likewise; the buffer is argument `position`. */
typedef int (*statfs_layout)(struct tracee *tracee, uint64_t buffer,
			     const struct statfs *fs);
enum verdict statfs_path(struct run *run, struct tracee *tracee, unsigned int position,
			 statfs_layout layout);
enum verdict statfs_descriptor(struct run *run, struct tracee *tracee,
			       unsigned int position, statfs_layout layout);

#endif
