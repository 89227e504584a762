/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the job is shown of an entry: ownership, permissions, link targets, numbers. The
 * index holds raw catalog values; configuration acts here only. */
#ifndef SYSCALLS_VIEW_H
#define SYSCALLS_VIEW_H

#include <stdbool.h>
#include <sys/stat.h>

#include "path/walk.h"
#include "run/run.h"
#include "syscalls/credentials.h"
#include "tracee/tracee.h"

/* Context of a walk; `question` is set when something was UNKNOWN. */
struct view {
	struct run *run;
	struct tracee *tracee;
	uint32_t question;
	enum whose whose;
};

/* The world of a walk as `view` sees it. */
struct walk_world view_world(struct view *view);
/* Says why the walk ended with EIO, if nobody else has. */
void view_tell_damage(const struct view *view, const struct walk *walk);

/* The inode number that the program is shown: of 32 bits in a call of i386's. */
uint64_t view_inode(const struct view *view, const struct place *place,
		    const struct interpose_entry *entry);
/* Attributes; `entry` is NULL for PLACE_TOP. */
void view_stat(struct view *view, const struct place *place,
	       const struct interpose_entry *entry, struct stat *ret_stat);
/* 0, or EACCES or EROFS: access(2) with R_OK, W_OK, X_OK bits on a read-only mount. */
int view_access(struct view *view, const struct place *place,
		const struct interpose_entry *entry, int mask);
/* Expanded target of a link: its length or a negative errno. */
int view_target(struct view *view, const struct place *place,
		const struct interpose_entry *entry, char *buffer, size_t size);
/* What permissions are checked against. */
struct owned view_owned(const struct view *view, const struct place *place,
			const struct interpose_entry *entry);
/* How far the node keeps "symlinks", "regular" files or "fifos" of others in a shared
 * directory from a caller: 0, 1 or 2. */
int view_protection(const char *of);

#endif
