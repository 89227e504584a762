/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index file: one catalog, position-independent, little-endian, never changed once
 * it has its name. Header, then sections that start on cache lines; whole pages in all.
 * Every number read from it is foreign: check.c and lookup.c check it before use. */
#ifndef INDEX_FORMAT_H
#define INDEX_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interpose.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "index files are little-endian");

#define INDEX_MAGIC 0x5845444e49535049u /* "IPSINDEX" */

enum {
	INDEX_PAGE = 4096,
	INDEX_LINE = 64,	   /* alignment of sections */
	INDEX_NAME_MAX = 255,	   /* bytes of one name */
	INDEX_TARGET_MAX = 0xffff, /* of a link target, not expanded */
	INDEX_XATTR_MAX =
		0x1ffff, /* a full blob has 130,562 bytes (docs/format.md 4.6) */
	INDEX_COUNT_MAX = 1 << 24, /* entries: more than a catalog of 2 GiB can hold */
	INDEX_PROBE_MAX = 32,	   /* slots that a lookup looks at, at most */
	INDEX_TABLE_BITS_MAX = 28
};

struct index_section {
	uint64_t offset, size; /* bytes */
};

enum index_part {
	INDEX_ENTRIES, /* struct index_record: 0 is the root; children of one directory
			  stand together, after it, in the order of the catalog's rows
			*/
	INDEX_TABLE, /* uint32_t: 0 is empty; else number, and above it bits of the hash
		      */
	INDEX_NAMES, /* bytes: names */
	INDEX_BLOBS, /* bytes: link targets and attribute blobs */
	INDEX_DIGESTS, /* INTERPOSE_DIGEST_SIZE bytes each */
	INDEX_CHUNKS,  /* struct interpose_chunk */
	INDEX_XATTRS,  /* struct index_xattr, by number */
	INDEX_PARTS
};

struct index_header {
	uint64_t magic;
	uint32_t version;
	uint32_t count; /* of entries */
	uint64_t file_size;
	uint64_t seed;
	uint32_t table_bits;  /* the table has 1 << table_bits slots */
	uint32_t number_bits; /* of a slot's low bits that are the entry's number */
	uint32_t probes;      /* longest probe sequence in this file */
	uint32_t algorithm;   /* of the catalog's hash */
	uint8_t digest[INTERPOSE_DIGEST_SIZE];
	uint32_t reserved;
	struct index_section parts[INDEX_PARTS];
	uint64_t sums[INDEX_PARTS]; /* index_checksum() of each part */
	uint64_t checksum;	    /* index_name_hash() of all bytes before it */
};

/* One entry. Its attributes are in INDEX_XATTRS, because few entries have any. */
struct index_record {
	uint64_t size; /* bytes; makedev() value of devices */
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t mode, uid, gid, nlink;
	uint32_t parent; /* lower than its own number, but for the root */
	uint32_t inode;	 /* number + 1 of the first entry of a hard-link group */
	uint32_t digest; /* number + 1 in INDEX_DIGESTS, 0: none */
	/* directories: first child, children; links: offset, bytes; files: first chunk,
	 * chunks */
	uint32_t first, length;
	uint32_t name; /* offset */
	uint8_t name_len;
	uint8_t algorithm;
	uint16_t flags; /* enum interpose_entry_flag */
};

struct index_xattr {
	uint32_t number; /* of the entry */
	uint32_t offset, size;
};

/* Whether `count` things from `first` on lie within `room` things. */
static inline bool index_lies_within(uint64_t first, uint64_t count, uint64_t room)
{
	return first <= room && count <= room - first;
}

_Static_assert(sizeof(struct index_record) == 64, "one cache line for each entry");
_Static_assert(sizeof(struct index_header) % 8 == 0, "no hole before the checksum");
_Static_assert(sizeof(struct index_header) <= 256, "sections begin at 256");
_Static_assert(sizeof(struct interpose_chunk) == 40, "layout of the file");

#endif
