/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the three steps of building: build.c takes rows in and refuses impossible
 * ones, tree.c finds the order of the entries, write.c lays out the file. */
#ifndef INDEX_BUILD_H
#define INDEX_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "interpose.h"

enum { BUILD_NONE = UINT32_MAX };

/* A catalog's name for a path: two halves of a hash; `number`: a row, list or place. */
struct build_key {
	int64_t first, second;
	uint32_t number;
};

struct build_row {
	struct interpose_row row;
	uint64_t
		bytes; /* where its name begins; target, digest and attributes follow */
};

struct build_list { /* chunks of one file */
	struct build_key key;
	uint32_t first, count;
	uint8_t digest[INTERPOSE_DIGEST_SIZE];
};

struct build_nested {
	struct build_key key;
	uint32_t algorithm;
	uint8_t is_bind, has_digest;
	uint8_t digest[INTERPOSE_DIGEST_SIZE];
};

/* Growing arrays: `count` used of `room`. */
struct interpose_builder {
	struct build_row *rows;
	size_t row_count, row_room;
	uint8_t *bytes;
	size_t byte_count, byte_room;
	struct interpose_chunk *chunks;
	size_t chunk_count, chunk_room;
	struct build_list *lists;
	size_t list_count, list_room;
	struct build_nested *nested;
	size_t nested_count, nested_room;
};

/* The order of the entries. "Row" counts as they came, "number" as they are written. */
struct build_tree {
	uint32_t count;
	struct build_key *keys;		     /* of all rows, sorted */
	uint32_t *parent;		     /* by row: its parent's row */
	uint32_t *order;		     /* by number: its row */
	uint32_t *number;		     /* by row */
	uint32_t *first_child, *child_count; /* by row: a number, how many */
};

/* All: 0, -ENOMEM or -EBADMSG. A tree that could not be made needs no destroying. */
int build_tree_create(const struct interpose_builder *builder,
		      const struct build_key *root, struct build_tree *ret_tree);
void build_tree_destroy(struct build_tree *tree);

/* Sorts; -EBADMSG if two are equal. */
int build_keys_sort(struct build_key *keys, size_t count);
/* The `number` that goes with this key, BUILD_NONE if there is none. */
uint32_t build_keys_find(const struct build_key *keys, size_t count, int64_t first,
			 int64_t second);

/* The table (table.c) of a file whose names and parents are in place. */
struct index_record;

struct build_table {
	uint32_t *slots;
	uint32_t bits, number_mask, probes;
	uint64_t seed;
};

int build_table_create(const struct index_record *records, uint32_t count,
		       const uint8_t *names, uint64_t seed,
		       struct build_table *ret_table);
void build_table_destroy(struct build_table *table);

#endif
