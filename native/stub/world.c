/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stub/world.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/lookup.h"
#include "shown/entry.h"

static struct board *board(void)
{
	return (struct board *)((uintptr_t)stub_start + STUB_BOARD_AT);
}

const struct board *world_board(void)
{
	return board();
}

/* How many catalogs are there. */
static uint32_t count(void)
{
	uint32_t now = __atomic_load_n(&board()->catalog_count, __ATOMIC_ACQUIRE);

	return now < BOARD_CATALOGS ? now : BOARD_CATALOGS;
}

const struct board_mount *world_mount(const struct place *place)
{
	return &board()->mounts[place->mount];
}

/* As a place has its number. NULL: there is none. */
static const struct board_catalog *catalog_of(uint32_t mount, uint32_t number)
{
	if (!number)
		number = board()->mounts[mount].catalog;
	return number && number < count() ? &board()->catalogs[number] : NULL;
}

bool world_unasked(const struct place *place)
{
	const struct board_catalog *found = catalog_of(place->mount, place->catalog);
	const uint32_t slot =
		found ? board()->unasked_of[found - board()->catalogs] : 0;
	const struct board_unasked *unasked;
	uint32_t bit;

	if (!slot || slot > BOARD_CATALOGS ||
	    slot > __atomic_load_n(&board()->unasked_count, __ATOMIC_ACQUIRE))
		return false;
	unasked = &board()->unasked[slot - 1];
	bit = (unasked->first + place->entry) % BOARD_BITS;
	return place->entry < unasked->count && board()->bits[bit / 8] >> bit % 8 & 1;
}

uint64_t world_inode_base(const struct place *place)
{
	const struct board_catalog *found = catalog_of(place->mount, place->catalog);

	return found ? found->inode_base : 0;
}

uint64_t world_inode(const struct place *place, const struct interpose_entry *entry)
{
	return index_inode(world_inode_base(place), entry);
}

static long open_read_only(int directory, const char *name, int flags)
{
	return stub_call(__NR_openat, (uint64_t)(int64_t)directory, (uint64_t)name,
			 (uint64_t)(O_RDONLY | O_CLOEXEC | flags), 0, 0);
}

static void close_it(long fd)
{
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
}

/* The file that the tracer has found whole: a descriptor, or negative. Its stack is
 * free again when the file is looked over. */
__attribute__((noinline)) static long open_index(const struct board_catalog *catalog)
{
	const char *folder = board()->mounts[catalog->mount].index_dir;
	long directory = open_read_only(AT_FDCWD, folder, O_PATH | O_DIRECTORY), fd;
	struct stat st;

	if (directory < 0)
		return directory;
	fd = open_read_only((int)directory, catalog->name, O_NOFOLLOW | O_NONBLOCK);
	close_it(directory);
	if (fd < 0)
		return fd;
	if (stub_call(__NR_fstat, (uint64_t)fd, (uint64_t)&st, 0, 0, 0) == 0 &&
	    st.st_dev == catalog->dev && st.st_ino == catalog->ino &&
	    (uint64_t)st.st_size == catalog->size)
		return fd;
	close_it(fd);
	return -1;
}

/* One thread maps it; others have a stop meanwhile. */
static bool map_index(const struct board_catalog *catalog, struct board_index *index)
{
	uint32_t unused = BOARD_UNUSED;
	long fd, base;

	if (!__atomic_compare_exchange_n(&index->use, &unused, BOARD_BUSY, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	base = fd = open_index(catalog);
	if (fd >= 0) {
		base = stub_map(catalog->size, PROT_READ, MAP_SHARED, (int)fd);
		close_it(fd);
	}
	if (base < 0 ||
	    index_map_check(&index->map, (const void *)base, catalog->size) < 0) {
		__atomic_store_n(&index->use, BOARD_REFUSED, __ATOMIC_RELAXED);
		return false;
	}
	__atomic_store_n(&index->use, BOARD_MAPPED, __ATOMIC_RELEASE);
	return true;
}

static const struct index_map *catalog(void *context, uint32_t mount, uint32_t number)
{
	const struct board_catalog *found = catalog_of(mount, number);
	struct board_index *index;

	(void)context;
	if (!found)
		return NULL;
	index = &board()->indexes[found - board()->catalogs];
	if (__atomic_load_n(&index->use, __ATOMIC_ACQUIRE) != BOARD_MAPPED &&
	    !map_index(found, index))
		return NULL;
	return &index->map;
}

const struct index_map *world_index(const struct place *place)
{
	return catalog(NULL, place->mount, place->catalog);
}

static bool is_called(const struct board_mount *mount, const char *name, size_t len)
{
	return __atomic_load_n(&mount->is_open, __ATOMIC_ACQUIRE) && len < BOARD_NAME &&
	       memcmp(mount->fqrn, name, len) == 0 && !mount->fqrn[len];
}

static enum walk_answer mount(void *context, const char *name, size_t len,
			      uint32_t *ret_mount)
{
	(void)context;
	for (uint32_t i = 0; i < BOARD_MOUNTS; i++)
		if (is_called(&board()->mounts[i], name, len)) {
			*ret_mount = i;
			return WALK_YES;
		}
	return WALK_UNKNOWN;
}

static bool hangs_at(const struct board_catalog *catalog, const struct place *place)
{
	return catalog->mount == place->mount && catalog->parent == place->catalog &&
	       catalog->entry == place->entry;
}

static enum walk_answer nested(void *context, const struct place *mountpoint,
			       uint32_t *ret_catalog)
{
	const struct board *b = board();
	uint32_t at = board_slot(mountpoint->mount, mountpoint->catalog,
				 mountpoint->entry, BOARD_SLOTS);

	(void)context;
	for (int probe = 0; probe < BOARD_PROBES; probe++) {
		uint32_t number = b->nested[(at + (uint32_t)probe) % BOARD_SLOTS];

		if (!number)
			break;
		if (number < count() && hangs_at(&b->catalogs[number], mountpoint)) {
			*ret_catalog = number;
			return WALK_YES;
		}
	}
	return WALK_UNKNOWN;
}

static struct place mountpoint(void *context, uint32_t mount, uint32_t catalog)
{
	const struct board_catalog *found = catalog_of(mount, catalog);

	(void)context;
	if (!found)
		return (struct place){.kind = PLACE_HOST};
	return (struct place){PLACE_ENTRY, mount, found->parent, found->entry};
}

/* Credentials are not known here: what everybody may is granted. */
static enum walk_answer may_search(void *context, const struct place *directory,
				   const struct interpose_entry *entry)
{
	const struct shown_mount mount = {.record = &world_mount(directory)->record};

	(void)context;
	return shown_access(&mount, entry, X_OK) == SHOWN_GRANTED ? WALK_YES
								  : WALK_UNKNOWN;
}

static enum walk_answer may_follow(void *context, const struct place *directory,
				   const struct interpose_entry *directory_entry,
				   const struct place *link,
				   const struct interpose_entry *entry)
{
	(void)context;
	(void)directory;
	(void)directory_entry;
	(void)link;
	(void)entry;
	return WALK_UNKNOWN;
}

static enum walk_answer target(void *context, const struct place *link,
			       const struct interpose_entry *entry,
			       struct walk_text *text)
{
	(void)context;
	(void)link;
	if (entry->flags & INTERPOSE_ENTRY_VARIANT)
		return WALK_UNKNOWN;
	text->bytes = entry->target;
	text->len = entry->target_len;
	return WALK_YES;
}

void world_fill(struct walk_world *ret_world)
{
	ret_world->context = NULL;
	ret_world->is_called = NULL; /* no rows */
	ret_world->mount = mount;
	ret_world->catalog = catalog;
	ret_world->nested = nested;
	ret_world->mountpoint = mountpoint;
	ret_world->may_search = may_search;
	ret_world->may_follow = may_follow;
	ret_world->target = target;
}
