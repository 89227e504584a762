/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table that grows: slots of one size with open addressing, at most half full. */
#ifndef RUN_TABLE_H
#define RUN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the slots of a table are. Of a slot that is looked for only the key counts. */
struct table_kind {
	size_t size; /* bytes; a slot of zeros is free */
	uint64_t (*hash)(const void *slot);
	bool (*is_free)(const void *slot);
	bool (*is_same)(const void *slot, const void *other);
};

struct table {
	const struct table_kind *kind;
	char *slots;	    /* and one more, for what is being moved */
	size_t count, used; /* slots; those that are not free */
};

/* 0 or -ENOMEM. */
int table_init(struct table *table, const struct table_kind *kind);
void table_deinit(struct table *table);
/* The slot with this key; NULL: there is none. */
void *table_find(const struct table *table, const void *key);
/* The same, or a free slot for it, in which the caller puts all of it at once. NULL: no
 * memory. Slots move. */
void *table_take(struct table *table, const void *key);
/* A slot of this table goes. Others move. */
void table_remove(struct table *table, void *slot);
/* By number, below `count`. */
void *table_at(const struct table *table, size_t number);

#endif
