/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hash table of an index file: open addressing, at most half full, kept in the
 * order of each entry's first slot (who is further from home goes first). That makes
 * the longest probe sequence short; where it is not, another seed and then a larger
 * table are tried. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/build.h"
#include "index/format.h"
#include "index/hash.h"
#include "index/lookup.h"

enum { SEEDS_BY_SIZE = 8, LARGER_TABLES = 2 };

struct filling {
	const struct index_record *records;
	const uint8_t *names;
	uint64_t *hashes; /* by number: index_child_hash() */
	uint32_t count, mask;
	struct build_table *table;
};

static int is_same_child(const struct filling *filling, uint32_t a, uint32_t b)
{
	const struct index_record *left = &filling->records[a],
				  *right = &filling->records[b];

	return filling->hashes[a] == filling->hashes[b] &&
	       left->parent == right->parent && left->name_len == right->name_len &&
	       memcmp(filling->names + left->name, filling->names + right->name,
		      left->name_len) == 0;
}

/* 0, -EBADMSG: the directory has the name already, -EAGAIN: too far from its first
 * slot. */
static int place(struct filling *filling, uint32_t number)
{
	struct build_table *table = filling->table;
	uint64_t hash = index_slot_hash(filling->hashes[number], table->seed);
	uint32_t slot = number | index_slot_tag(hash, table->number_mask);
	uint32_t at = (uint32_t)hash, distance = 0;

	for (;; at++, distance++) {
		uint32_t *there = &table->slots[at & filling->mask];
		uint32_t resident = *there & table->number_mask;
		uint32_t home, far;

		if (distance >= INDEX_PROBE_MAX)
			return -EAGAIN;
		if (distance >= table->probes)
			table->probes = distance + 1;
		if (*there == 0) {
			*there = slot;
			return 0;
		}
		if (is_same_child(filling, resident, slot & table->number_mask))
			return -EBADMSG;
		home = (uint32_t)index_slot_hash(filling->hashes[resident],
						 table->seed);
		far = (at - home) & filling->mask;
		if (far < distance) {
			uint32_t moved = *there;

			*there = slot;
			slot = moved;
			distance = far;
		}
	}
}

static int place_all(struct filling *filling)
{
	struct build_table *table = filling->table;

	memset(table->slots, 0, sizeof(*table->slots) << table->bits);
	table->probes = 0;
	for (uint32_t number = 1; number < filling->count; number++) {
		int error = place(filling, number);

		if (error < 0)
			return error;
	}
	return 0;
}

/* The first seed is the caller's, so equal catalogs give equal files. */
static int try_seeds(struct filling *filling, uint64_t seed)
{
	struct build_table *table = filling->table;
	int error = -EAGAIN;

	for (int larger = 0; larger <= LARGER_TABLES; larger++, table->bits++) {
		uint32_t *slots =
			realloc(table->slots, sizeof(*table->slots) << table->bits);

		if (slots == NULL)
			return -ENOMEM;
		table->slots = slots;
		filling->mask = (1u << table->bits) - 1;
		for (int i = 0; i < SEEDS_BY_SIZE; i++) {
			table->seed = seed;
			error = place_all(filling);
			if (error != -EAGAIN)
				return error;
			seed = index_slot_hash(seed, INDEX_ODD_1);
		}
	}
	/* Only names that were made to collide get here. */
	return -EBADMSG;
}

static uint32_t bits_for(uint64_t count)
{
	uint32_t bits = 0;

	while ((uint64_t)1 << bits < count)
		bits++;
	return bits;
}

int build_table_create(const struct index_record *records, uint32_t count,
		       const uint8_t *names, uint64_t seed,
		       struct build_table *ret_table)
{
	struct build_table table = {.bits = bits_for((uint64_t)count * 2)};
	struct filling filling = {.records = records, .names = names, .count = count};
	int error;

	table.number_mask = (1u << bits_for(count)) - 1;
	filling.table = &table;
	filling.hashes = calloc(count, sizeof(*filling.hashes));
	if (filling.hashes == NULL)
		return -ENOMEM;
	for (uint32_t i = 1; i < count; i++) {
		const char *name = (const char *)names + records[i].name;
		uint64_t hash = index_name_hash(name, records[i].name_len);

		filling.hashes[i] = index_child_hash(records[i].parent, hash);
	}
	error = try_seeds(&filling, seed);
	free(filling.hashes);
	if (error < 0) {
		build_table_destroy(&table);
		return error;
	}
	*ret_table = table;
	return 0;
}

void build_table_destroy(struct build_table *table)
{
	free(table->slots);
	table->slots = NULL;
}
