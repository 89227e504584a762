/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry as the process of this call sees it: what shown/ says of it, with the run's
 * mounts and with what the process may. */
#ifndef FIND_SEEN_H
#define FIND_SEEN_H

#include "find/call.h"

/* Numbers of 64 bits are too wide for it. */
bool seen_narrow(const struct call *call);
uint64_t seen_inode(const struct call *call, const struct place *place,
		    const struct interpose_entry *entry);
/* `entry` is NULL for PLACE_TOP. */
void seen_stat(const struct call *call, const struct place *place,
	       const struct interpose_entry *entry, struct stat *ret_stat);
/* 0, or EACCES or EROFS: access(2) with R_OK, W_OK, X_OK bits on a read-only mount. */
int seen_access(const struct call *call, const struct place *place,
		const struct interpose_entry *entry, int mask);
int seen_target(const struct call *call, const struct place *place,
		const struct interpose_entry *entry, char *buffer, size_t size);
/* The same for a walk: copied only if it has variables. */
enum walk_answer seen_text(const struct call *call, const struct place *place,
			   const struct interpose_entry *entry, struct walk_text *text);
struct owned seen_owned(const struct call *call, const struct place *place,
			const struct interpose_entry *entry);

/* The name of what the stub has mapped, as it is shown: memory that processes share.
 * NULL: it is no index file. */
const char *seen_shared_memory(const struct run *run, const struct stat *st);

#endif
