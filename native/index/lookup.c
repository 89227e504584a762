/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/lookup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "index/format.h"
#include "index/hash.h"

static uint64_t load_tail(const char *from, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)from;
	uint64_t word = 0;
	uint32_t low, high;

	if (len >= 4) {
		memcpy(&low, from, 4);
		memcpy(&high, from + len - 4, 4);
		return low | (uint64_t)high << 32;
	}
	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)bytes[i] << 8 * i;
	return word;
}

uint64_t index_name_hash(const char *name, size_t len)
{
	uint64_t hash = len * INDEX_ODD_1;
	uint64_t word;

	while (len >= 8) {
		memcpy(&word, name, 8);
		hash = (hash ^ word) * INDEX_ODD_2;
		hash ^= hash >> 31;
		name += 8;
		len -= 8;
	}
	hash = (hash ^ load_tail(name, len)) * INDEX_ODD_2;
	return hash ^ hash >> 29;
}

static bool is_broken(const struct index_map *map)
{
	return map->broken && *map->broken;
}

struct name {
	const char *text;
	size_t len;
	uint64_t hash;
};

static enum lookup find_child(const struct index_map *map, uint32_t dir,
			      struct name name, uint32_t *ret_number)
{
	uint64_t slot_hash =
		index_slot_hash(index_child_hash(dir, name.hash), map->seed);
	uint32_t tag = index_slot_tag(slot_hash, map->number_mask);

	if (dir >= map->count)
		return LOOKUP_DAMAGED;
	for (uint32_t probe = 0; probe < map->probes; probe++) {
		uint32_t slot =
			map->table[((uint32_t)slot_hash + probe) & map->table_mask];
		uint32_t number = slot & map->number_mask;
		const struct index_record *record;

		if (slot == 0)
			break;
		if ((slot & ~map->number_mask) != tag)
			continue;
		if (number >= map->count)
			return LOOKUP_DAMAGED;
		record = &map->records[number];
		if (record->parent != dir || record->name_len != name.len)
			continue;
		if (!index_lies_within(record->name, name.len, map->names_size))
			return LOOKUP_DAMAGED;
		if (memcmp(map->names + record->name, name.text, name.len) != 0)
			continue;
		/* The root is nobody's child, and a way up must not have a circle. */
		if (number <= dir)
			return LOOKUP_DAMAGED;
		*ret_number = number;
		return LOOKUP_FOUND;
	}
	return LOOKUP_ABSENT;
}

enum lookup index_child(const struct index_map *map, uint32_t dir, const char *name,
			size_t len, uint64_t hash, uint32_t *ret_number)
{
	enum lookup found =
		find_child(map, dir, (struct name){name, len, hash}, ret_number);

	return is_broken(map) ? LOOKUP_DAMAGED : found;
}

static int find_xattr(const struct index_map *map, uint32_t number,
		      struct interpose_entry *entry)
{
	uint32_t low = 0, high = map->xattr_count;
	const struct index_xattr *xattr;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (map->xattrs[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	xattr = &map->xattrs[low];
	if (low == map->xattr_count || xattr->number != number ||
	    !index_lies_within(xattr->offset, xattr->size, map->blobs_size))
		return -EBADMSG;
	entry->xattr = map->blobs + xattr->offset;
	entry->xattr_len = xattr->size;
	return 0;
}

/* What few entries have. One by one: each step of a walk comes here. */
static void clear_extent(struct interpose_entry *entry)
{
	entry->device = 0;
	entry->first_child = entry->child_count = entry->chunk_count = 0;
	entry->target_len = entry->xattr_len = 0;
	entry->target = NULL;
	entry->xattr = NULL;
	entry->chunks = NULL;
}

/* What first and length mean, by type. */
static int find_extent(const struct index_map *map, uint32_t number,
		       const struct index_record *record, struct interpose_entry *entry)
{
	if (S_ISDIR(record->mode)) {
		if ((record->length > 0 && record->first <= number) ||
		    !index_lies_within(record->first, record->length, map->count))
			return -EBADMSG;
		entry->first_child = record->first;
		entry->child_count = record->length;
	} else if (S_ISLNK(record->mode)) {
		if (!index_lies_within(record->first, record->length, map->blobs_size))
			return -EBADMSG;
		entry->target = (const char *)map->blobs + record->first;
		entry->target_len = record->length;
	} else if (record->flags & INTERPOSE_ENTRY_CHUNKED) {
		if (!index_lies_within(record->first, record->length, map->chunk_count))
			return -EBADMSG;
		entry->chunks = map->chunks + record->first;
		entry->chunk_count = record->length;
	} else if (S_ISCHR(record->mode) || S_ISBLK(record->mode)) {
		entry->device = record->size;
		entry->size = 0;
	}
	return 0;
}

/* Reads something of each page, so that one that is missing is missed here. */
static void touch(const void *bytes, size_t size)
{
	const volatile uint8_t *at = bytes;

	if (size == 0)
		return;
	for (size_t i = 0; i < size; i += INDEX_PAGE)
		(void)at[i];
	(void)at[size - 1];
}

static void touch_all(const struct interpose_entry *entry)
{
	touch(entry->name, entry->name_len);
	touch(entry->target, entry->target_len);
	touch(entry->xattr, entry->xattr_len);
	touch(entry->digest, entry->digest ? INTERPOSE_DIGEST_SIZE : 0);
	touch(entry->chunks, entry->chunk_count * sizeof(*entry->chunks));
}

int index_entry(const struct index_map *map, uint32_t number,
		struct interpose_entry *ret_entry)
{
	const struct index_record *record;

	if (number >= map->count)
		return -ERANGE;
	record = &map->records[number];
	if (number > 0 ? record->parent >= number : record->parent != 0)
		return -EBADMSG;
	if (!index_lies_within(record->name, record->name_len, map->names_size) ||
	    record->digest > map->digest_count || record->inode == 0 ||
	    record->inode > map->count || record->algorithm > INTERPOSE_SHAKE128)
		return -EBADMSG;

	clear_extent(ret_entry);
	ret_entry->size = record->size;
	ret_entry->mtime = record->mtime;
	ret_entry->mtime_ns = record->mtime_ns;
	ret_entry->mode = record->mode;
	ret_entry->uid = record->uid;
	ret_entry->gid = record->gid;
	ret_entry->nlink = record->nlink;
	ret_entry->inode = record->inode;
	ret_entry->flags = record->flags;
	ret_entry->algorithm = record->algorithm;
	ret_entry->parent = record->parent;
	ret_entry->name = (const char *)map->names + record->name;
	ret_entry->name_len = record->name_len;
	ret_entry->digest = record->digest > 0
				    ? map->digests + (size_t)(record->digest - 1) *
							     INTERPOSE_DIGEST_SIZE
				    : NULL;
	if (find_extent(map, number, record, ret_entry) < 0)
		return -EBADMSG;
	if (record->flags & INTERPOSE_ENTRY_XATTR &&
	    find_xattr(map, number, ret_entry) < 0)
		return -EBADMSG;
	touch_all(ret_entry);
	return is_broken(map) ? -EBADMSG : 0;
}
