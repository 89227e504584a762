/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which loaded catalog hangs at a nested mount point: a repository can have thousands,
 * and every walk through one asks. */
#ifndef RUN_NESTEDTABLE_H
#define RUN_NESTEDTABLE_H

#include <stddef.h>
#include <stdint.h>

struct nested { /* slot 0 is the root catalog, which hangs nowhere: here it is "free" */
	uint32_t catalog, entry, slot;
};

struct nestedtable { /* open addressing, at most half full; all zero: empty */
	struct nested *rows;
	size_t size, used;
};

/* Slot of the catalog at `entry` of catalog `catalog`; 0 if none is known. */
uint32_t nestedtable_find(const struct nestedtable *table, uint32_t catalog,
			  uint32_t entry);
/* Notes a new one, slot > 0. 0, or -ENOMEM. */
int nestedtable_add(struct nestedtable *table, const struct nested *nested);
void nestedtable_deinit(struct nestedtable *table);

#endif
