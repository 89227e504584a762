/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers from a mapped index file. Freestanding: no calls, no memory, no globals. A
 * damaged file is noticed where it matters and never read beyond its end. */
#ifndef INDEX_LOOKUP_H
#define INDEX_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interpose.h"

struct index_record;
struct index_xattr;

/* What index_map_check() found in the header. Owns nothing; read-only for everybody
 * else. */
struct index_map {
	const uint8_t *base;
	size_t size; /* bytes */
	uint64_t seed;
	uint32_t count; /* of entries, at least 1 */
	uint32_t table_mask, number_mask, probes;
	const struct index_record *records;
	const uint32_t *table;
	const uint8_t *names, *blobs, *digests;
	const struct interpose_chunk *chunks;
	const struct index_xattr *xattrs;
	uint64_t names_size, blobs_size;
	uint32_t digest_count, chunk_count, xattr_count;
	uint8_t digest[INTERPOSE_DIGEST_SIZE]; /* of the catalog */
	uint32_t algorithm;
	/* Not 0 once bytes were missing: what was read since is not the file's (see
	 * mapping.h). NULL: nobody watches. */
	const volatile uint32_t *broken;
};

enum lookup { LOOKUP_FOUND, LOOKUP_ABSENT, LOOKUP_DAMAGED };

/* `base` is the whole file, `size` its size by fstat, aligned as mmap does. 0, or
 * -EBADMSG: not an index of this version, cut or damaged. */
int index_map_check(struct index_map *map, const void *base, size_t size);
/* True if the sums of all sections are right: reads all of the file. */
bool index_map_is_whole(const struct index_map *map);

/* One for all files: compute it once for each component of a path. */
uint64_t index_name_hash(const char *name, size_t len);

/* `name` in directory `dir` of this file; `hash` is index_name_hash(name, len). Says
 * nothing about NESTED directories: their children are in another file. */
enum lookup index_child(const struct index_map *map, uint32_t dir, const char *name,
			size_t len, uint64_t hash, uint32_t *ret_number);

/* 0, -ERANGE: no such entry, -EBADMSG: damaged, and *ret_entry is not to be used. All
 * pointers point into the mapping,
 * to bytes that were there a moment ago.
 * Parents have lower numbers than their children, so neither way up nor way down has a
 * circle. */
int index_entry(const struct index_map *map, uint32_t number,
		struct interpose_entry *ret_entry);

/* The inode number of an entry, in the range of its catalog. */
static inline uint64_t index_inode(uint64_t base, const struct interpose_entry *entry)
{
	return base + entry->inode + 2;
}

#endif
