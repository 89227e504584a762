/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of a directory as the kernel lays them out (getdents(2)). */
#ifndef SHOWN_DIRENT_H
#define SHOWN_DIRENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dirent_item {
	uint64_t inode;
	uint64_t next; /* position after this item */
	uint8_t type;  /* DT_* */
	const char *name;
	size_t name_len;
};

/* Widths of inode and position, and whether the type stands last, behind the name. */
struct dirent_layout {
	uint8_t word;
	bool type_last;
};
static const struct dirent_layout dirent_64 = {8, false}, dirent_old = {8, true},
				  dirent_i386 = {4, true};

struct dirents {
	char *bytes;
	size_t used, limit;
	struct dirent_layout layout;
};

/* False: there is no room for it. */
bool dirents_add(struct dirents *records, const struct dirent_item *item);

#endif
