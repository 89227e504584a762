/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an entry stands in the table of a file. Used by builder and lookup alike. */
#ifndef INDEX_HASH_H
#define INDEX_HASH_H

#include <stdint.h>

#define INDEX_ODD_1 0x9e3779b97f4a7c15u /* 2^64 / golden ratio */
#define INDEX_ODD_2 0xd6e8feb86659fd93u /* any odd number of mixed bits will do */

/* Of a name in a directory, before the seed of a file. */
static inline uint64_t index_child_hash(uint32_t dir, uint64_t name_hash)
{
	return name_hash ^ ((uint64_t)dir + 1) * INDEX_ODD_1;
}

/* Low half: where to begin; high half: what the slot keeps of it. */
static inline uint64_t index_slot_hash(uint64_t child_hash, uint64_t seed)
{
	uint64_t hash = child_hash ^ seed;

	hash = (hash ^ hash >> 32) * INDEX_ODD_2;
	hash = (hash ^ hash >> 29) * INDEX_ODD_1;
	return hash ^ hash >> 32;
}

/* A slot: bits of the hash above, number of the entry below. */
static inline uint32_t index_slot_tag(uint64_t slot_hash, uint32_t number_mask)
{
	return (uint32_t)(slot_hash >> 32) & ~number_mask;
}

#endif
