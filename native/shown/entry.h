/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the job is shown of an entry: ownership, permissions, link targets, numbers. The
 * index holds raw catalog values; configuration acts here only. Pure: functions of the
 * entry and of its mount. */
#ifndef SHOWN_ENTRY_H
#define SHOWN_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "interpose.h"

/* Bytes of a mount file; NULL: there are none. */
struct shown_bytes {
	const char *bytes;
	uint32_t len;
};

/* A mount, as far as it decides what is shown. */
struct shown_mount {
	const struct interpose_mount *record;
	struct shown_bytes uid_map, gid_map, variables;
	const char *const *environment; /* after the variables; NULL: none */
};

/* An entry's owner and permissions. */
struct owned {
	uint32_t mode;
	uid_t uid;
	gid_t gid;
};

/* What permissions are checked against. */
struct owned shown_owned(const struct shown_mount *mount,
			 const struct interpose_entry *entry);
/* Attributes; the device is not the entry's to know. `inode` as of shown_inode(). */
void shown_stat(const struct shown_mount *mount, const struct interpose_entry *entry,
		uint64_t inode, struct stat *ret_stat);
/* The same of the directory that has `mounts` repositories. */
void shown_stat_of_top(uint32_t mounts, struct stat *ret_stat);
/* The number that a program of this width of numbers is shown. */
uint64_t shown_inode(uint64_t inode, bool narrow);
/* R_OK, W_OK and X_OK of an entry; NULL: of the directory that has the repositories. */
enum shown_right {
	SHOWN_GRANTED,	      /* to everybody */
	SHOWN_READ_ONLY,      /* EROFS, for everybody */
	SHOWN_BY_CREDENTIALS, /* it depends on who asks */
};
enum shown_right shown_access(const struct shown_mount *mount,
			      const struct interpose_entry *entry, int mask);
/* Whether the entry has no attribute `name` ("": none to list) for certain: neither one
 * that is stored nor one that the official client makes up (docs/format.md 11.4). */
bool shown_lacks_attribute(const struct interpose_mount *record,
			   const struct interpose_entry *entry, bool is_root,
			   const char *name);
/* Expanded target of a link: its length or a negative errno. `buffer` NULL: only that.
 */
int shown_target(const struct shown_mount *mount, const struct interpose_entry *entry,
		 char *buffer, size_t size);

#endif
