/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board: which repositories and catalogs the run has opened. Each process has its
 * own, behind the stub's state, so that nobody else believes what it does to it. The
 * tracer adds to it while threads read: what is there never changes, and what makes it
 * be seen (a count, a slot) is written last. What is not on it is a stop. */
#ifndef STUB_BOARD_H
#define STUB_BOARD_H

#include "index/lookup.h"
#include "index/objectname.h"
#include "interpose.h"

enum {
	BOARD_MOUNTS = 16,
	BOARD_CATALOGS = 1024, /* number 0 is nobody's */
	BOARD_SLOTS = 2 * BOARD_CATALOGS,
	BOARD_PROBES = 32,
	BOARD_NAME = 64, /* longer than a FQRN, or the name of an index file */
	BOARD_PATH = 256,
	BOARD_BASES = 8,
	BOARD_OBJECTS = 2048,
	BOARD_OBJECT_SLOTS = 2 * BOARD_OBJECTS,
	BOARD_OBJECT = 56, /* longer than the name of one */
	BOARD_BITS = 1 << 19,
	BOARD_OWNERS = 8,
	BOARD_FOLDERS = 256,
	BOARD_CACHES = 2, /* of a mount */
	BOARD_NOTES = 512
};

struct board_mount {
	char fqrn[BOARD_NAME]; /* ends with NUL, as the rest */
	char index_dir[BOARD_PATH];
	uint64_t device;	       /* as stat(2) shows it */
	uint64_t number;	       /* of the mount, as statx(2) shows it */
	struct interpose_mount record; /* without what its spans are of */
	uint32_t catalog;	       /* number of the root catalog */
	uint32_t is_open;	       /* what comes before it is there */
};

/* A catalog that the tracer has mapped and found whole. In a struct place it is called
 * by its number, but the root catalog, which is 0 there. */
struct board_catalog {
	uint64_t inode_base;
	uint64_t dev, ino, size; /* of its index file */
	uint32_t mount, parent;	 /* where it hangs: catalog as in a place, */
	uint32_t entry;		 /* and entry */
	uint32_t reserved;
	char name[BOARD_NAME]; /* of the index file in its mount's directory */
};

/* An object that the run has opened, and which stands for this place alone. */
struct board_object {
	uint32_t mount, catalog, entry; /* as in a place */
	uint16_t mode, base; /* number of the directory that its name is in */
	uint64_t dev, ino, size;
	int64_t written, changed; /* seconds, */
	uint32_t written_ns, changed_ns;
	uint32_t is_shared;  /* good as long as it does not change */
	uint32_t is_foreign; /* processes that watch locks may open it */
	char name[BOARD_OBJECT];
};

/* A cache in which files are opened unasked where their digests say, below the base of
 * the same number. */
struct board_cache {
	uint64_t dev;
	uint32_t owners[BOARD_OWNERS], owner_count; /* whose files count */
	uint32_t is_foreign; /* others use its objects; we did not write them */
	/* Bits of directories, by kind of object and first byte of the hash. */
	uint8_t folders[OBJECTNAME_KINDS][BOARD_FOLDERS / 8];
};

/* Of a catalog: the bits of its entries. */
struct board_unasked {
	uint32_t first, count;
};

/* An object that was opened unasked, as it was then: for who asks next. */
struct board_note {
	uint64_t ino; /* 0: none; NOTE_BUSY: one thread is writing */
	uint64_t dev, size;
	int64_t written, changed; /* seconds, */
	uint32_t written_ns, changed_ns;
	uint32_t mount, catalog, entry; /* as in a place */
	uint32_t reserved;
};

enum board_use { BOARD_UNUSED, BOARD_BUSY, BOARD_MAPPED, BOARD_REFUSED };

struct board {
	uint32_t catalog_count; /* with number 0 */
	uint32_t unasked_count;
	/* The tracer's alone. */
	uint32_t object_count, caches_version;
	struct board_mount mounts[BOARD_MOUNTS];
	/* By mount, parent and entry: the number of the catalog there; 0: free. */
	uint16_t nested[BOARD_SLOTS];
	struct board_catalog catalogs[BOARD_CATALOGS];
	/* By place, and by number of the inode: number of the object + 1; 0: free. */
	uint16_t by_place[BOARD_OBJECT_SLOTS], by_inode[BOARD_OBJECT_SLOTS];
	char bases[BOARD_BASES][BOARD_PATH];
	struct board_cache caches[BOARD_BASES];
	/* By mount, in the order in which they are looked through: number + 1; 0: no
	 * more. */
	uint8_t caches_of[BOARD_MOUNTS][BOARD_CACHES];
	struct board_object objects[BOARD_OBJECTS];
	struct board_unasked unasked[BOARD_CATALOGS];
	uint16_t unasked_of[BOARD_CATALOGS]; /* by catalog: number there + 1; 0: none */
	uint8_t bits[BOARD_BITS / 8];	     /* 1: the entry is opened unasked */
	/* From here on the stub's own: which index files are mapped, and where; at
	 * which directories of alien caches it has looked; and what it has opened. */
	struct board_index {
		uint32_t use; /* enum board_use */
		struct index_map map;
	} indexes[BOARD_CATALOGS];
	uint8_t looked_at[BOARD_BASES][BOARD_FOLDERS / 8];
	struct board_note notes[BOARD_NOTES];
};

/* Where to look first for what is there, among so many slots. */
static inline uint32_t board_slot(uint32_t mount, uint32_t catalog, uint32_t entry,
				  uint32_t slots)
{
	uint64_t hash = ((uint64_t)catalog << 32 | entry) ^ (uint64_t)mount << 56;

	hash *= 0x9e3779b97f4a7c15ull;
	return (uint32_t)(hash >> 40) % slots;
}

static inline uint32_t board_inode_slot(uint64_t ino)
{
	return (uint32_t)(ino * 0x9e3779b97f4a7c15ull >> 40) % BOARD_OBJECT_SLOTS;
}

#endif
