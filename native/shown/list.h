/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of a directory of a catalog, in order, from any position. Freestanding. */
#ifndef SHOWN_LIST_H
#define SHOWN_LIST_H

#include "index/lookup.h"
#include "shown/dirent.h"

struct shown_list {
	uint64_t position; /* 0 is ".", 1 is "..", then the children */
	/* Where the children are: behind a nested mount point in its catalog. */
	const struct index_map *map;
	uint32_t first, count;
	uint64_t inode_base;	/* of that catalog */
	uint64_t itself, above; /* inode numbers of "." and ".." as they are shown */
	bool narrow;		/* as of shown_inode() */
};

/* Begins with the directory's own entry in `map`. */
void shown_list_start(struct shown_list *list, const struct index_map *map,
		      const struct interpose_entry *directory);
/* False: there are no more. */
bool shown_list_next(struct shown_list *list, struct dirent_item *ret_item);

#endif
