/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/lookup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "index/checksum.h"
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

/* Whether `count` things from `first` on lie within `room` things. */
static bool lies_within(uint64_t first, uint64_t count, uint64_t room)
{
	return first <= room && count <= room - first;
}

static bool header_is_sound(const struct index_header *header, size_t size)
{
	uint64_t checksum = index_name_hash((const char *)header,
					    offsetof(struct index_header, checksum));

	return header->magic == INDEX_MAGIC &&
	       header->version == INTERPOSE_INDEX_VERSION &&
	       header->checksum == checksum && header->file_size == size &&
	       header->count > 0 && header->count <= INDEX_COUNT_MAX &&
	       header->table_bits <= INDEX_TABLE_BITS_MAX && header->number_bits < 32 &&
	       header->probes <= INDEX_PROBE_MAX &&
	       header->algorithm <= INTERPOSE_SHAKE128;
}

static bool parts_are_sound(const struct index_header *header)
{
	const struct index_section *parts = header->parts;

	for (int i = 0; i < INDEX_PARTS; i++) {
		if (parts[i].offset % INDEX_LINE != 0 ||
		    parts[i].offset < sizeof(struct index_header) ||
		    !lies_within(parts[i].offset, parts[i].size, header->file_size))
			return false;
	}
	return parts[INDEX_ENTRIES].size ==
		       header->count * sizeof(struct index_record) &&
	       parts[INDEX_TABLE].size == sizeof(uint32_t) << header->table_bits &&
	       parts[INDEX_NAMES].size <= UINT32_MAX &&
	       parts[INDEX_BLOBS].size <= UINT32_MAX &&
	       parts[INDEX_DIGESTS].size <= UINT32_MAX &&
	       parts[INDEX_CHUNKS].size / sizeof(struct interpose_chunk) <=
		       UINT32_MAX &&
	       parts[INDEX_XATTRS].size <= UINT32_MAX;
}

static const void *part_start(const struct index_map *map,
			      const struct index_header *header, enum index_part part)
{
	return map->base + header->parts[part].offset;
}

static uint32_t part_count(const struct index_header *header, enum index_part part,
			   size_t size)
{
	return (uint32_t)(header->parts[part].size / size);
}

int index_map_check(struct index_map *map, const void *base, size_t size)
{
	struct index_header header;

	if (size < sizeof(header) || size % INDEX_PAGE != 0)
		return -EBADMSG;
	memcpy(&header, base, sizeof(header));
	if (!header_is_sound(&header, size) || !parts_are_sound(&header))
		return -EBADMSG;

	map->base = base;
	map->size = size;
	map->seed = header.seed;
	map->count = header.count;
	map->table_mask = (1u << header.table_bits) - 1;
	map->number_mask = (1u << header.number_bits) - 1;
	map->probes = header.probes;
	map->records = part_start(map, &header, INDEX_ENTRIES);
	map->table = part_start(map, &header, INDEX_TABLE);
	map->names = part_start(map, &header, INDEX_NAMES);
	map->blobs = part_start(map, &header, INDEX_BLOBS);
	map->digests = part_start(map, &header, INDEX_DIGESTS);
	map->chunks = part_start(map, &header, INDEX_CHUNKS);
	map->xattrs = part_start(map, &header, INDEX_XATTRS);
	map->names_size = header.parts[INDEX_NAMES].size;
	map->blobs_size = header.parts[INDEX_BLOBS].size;
	map->digest_count = part_count(&header, INDEX_DIGESTS, INTERPOSE_DIGEST_SIZE);
	map->chunk_count =
		part_count(&header, INDEX_CHUNKS, sizeof(struct interpose_chunk));
	map->xattr_count =
		part_count(&header, INDEX_XATTRS, sizeof(struct index_xattr));
	memcpy(map->digest, header.digest, sizeof(map->digest));
	map->algorithm = header.algorithm;
	map->broken = NULL;
	return 0;
}

bool index_map_is_whole(const struct index_map *map)
{
	struct index_header header;

	memcpy(&header, map->base, sizeof(header));
	if (!header_is_sound(&header, map->size) || !parts_are_sound(&header))
		return false;
	for (int i = 0; i < INDEX_PARTS; i++) {
		const struct index_section *part = &header.parts[i];

		if (index_checksum(map->base + part->offset, part->size) !=
		    header.sums[i])
			return false;
	}
	return true;
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
		if (!lies_within(record->name, name.len, map->names_size))
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

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct index_xattr *xattr = &map->xattrs[middle];

		if (xattr->number < number) {
			low = middle + 1;
		} else if (xattr->number > number) {
			high = middle;
		} else if (!lies_within(xattr->offset, xattr->size, map->blobs_size)) {
			return -EBADMSG;
		} else {
			entry->xattr = map->blobs + xattr->offset;
			entry->xattr_len = xattr->size;
			return 0;
		}
	}
	return -EBADMSG;
}

/* What first and length mean, by type. */
static int find_extent(const struct index_map *map, uint32_t number,
		       const struct index_record *record, struct interpose_entry *entry)
{
	if (S_ISDIR(record->mode)) {
		if ((record->length > 0 && record->first <= number) ||
		    !lies_within(record->first, record->length, map->count))
			return -EBADMSG;
		entry->first_child = record->first;
		entry->child_count = record->length;
	} else if (S_ISLNK(record->mode)) {
		if (!lies_within(record->first, record->length, map->blobs_size))
			return -EBADMSG;
		entry->target = (const char *)map->blobs + record->first;
		entry->target_len = record->length;
	} else if (record->flags & INTERPOSE_ENTRY_CHUNKED) {
		if (!lies_within(record->first, record->length, map->chunk_count))
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
	struct interpose_entry entry = {0};

	if (number >= map->count)
		return -ERANGE;
	record = &map->records[number];
	if (number > 0 ? record->parent >= number : record->parent != 0)
		return -EBADMSG;
	if (!lies_within(record->name, record->name_len, map->names_size) ||
	    record->digest > map->digest_count || record->inode == 0 ||
	    record->inode > map->count || record->algorithm > INTERPOSE_SHAKE128)
		return -EBADMSG;

	entry.size = record->size;
	entry.mtime = record->mtime;
	entry.mtime_ns = record->mtime_ns;
	entry.mode = record->mode;
	entry.uid = record->uid;
	entry.gid = record->gid;
	entry.nlink = record->nlink;
	entry.inode = record->inode;
	entry.flags = record->flags;
	entry.algorithm = record->algorithm;
	entry.parent = record->parent;
	entry.name = (const char *)map->names + record->name;
	entry.name_len = record->name_len;
	if (record->digest > 0)
		entry.digest = map->digests +
			       (size_t)(record->digest - 1) * INTERPOSE_DIGEST_SIZE;
	if (find_extent(map, number, record, &entry) < 0)
		return -EBADMSG;
	if (record->flags & INTERPOSE_ENTRY_XATTR &&
	    find_xattr(map, number, &entry) < 0)
		return -EBADMSG;
	touch_all(&entry);
	if (is_broken(map))
		return -EBADMSG;
	*ret_entry = entry;
	return 0;
}
