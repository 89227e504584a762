/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a mapped file an index, and all of it? */
#include <errno.h>
#include <string.h>

#include "index/checksum.h"
#include "index/format.h"
#include "index/lookup.h"

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
		    !index_lies_within(parts[i].offset, parts[i].size,
				       header->file_size))
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
