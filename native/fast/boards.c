/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run's own board (stub/board.h), and how those of the stubs become like it: each
 * has the beginning of it, and gets the rest when it stops. Mounts and catalogs have
 * the numbers that run/mounts.h gives them. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fast/inner.h"
#include "run/inscription.h"
#include "run/mounts.h"
#include "run/openables.h"
#include "run/slowmounts.h"
#include "run/stubcaches.h"
#include "run/unasked.h"
#include "tracee/memory.h"

_Static_assert((int)BOARD_MOUNTS == INSCRIPTION_MOUNTS &&
		       (int)BOARD_CATALOGS == INSCRIPTION_CATALOGS,
	       "a skeleton can say what a board can have");
_Static_assert((int)BOARD_OBJECTS == OPENABLES_MOST &&
		       (int)BOARD_BASES == OPENABLES_BASES &&
		       (int)BOARD_OBJECT == OPENABLE_NAME &&
		       (int)BOARD_BITS == UNASKED_BITS &&
		       (int)BOARD_OWNERS == ALIEN_OWNERS &&
		       (int)BOARD_FOLDERS == STUBCACHES_FOLDERS &&
		       (int)BOARD_CACHES == STUBCACHES_OF_MOUNT,
	       "and so can the run's list");

/* So many slots are told one by one. */
enum { FEW = 8 };

struct board *boards_create(void)
{
	struct board *board = calloc(1, sizeof(*board));

	if (board)
		board->catalog_count = 1; /* number 0 is nobody's */
	return board;
}

void boards_begin(struct foothold *foothold)
{
	foothold->told_catalogs = 1;
	foothold->told_mounts = foothold->told_objects = foothold->told_bases = 0;
	foothold->told_unasked = foothold->told_caches = 0;
	foothold->told_watches = false;
}

static bool copy_text(char *to, size_t size, const char *text, size_t len)
{
	if (!text || len >= size)
		return false;
	memcpy(to, text, len);
	return true;
}

/* Owners that are looked up in a map, and files on a mount that may not answer, are
 * ours: the stub would wait there, where nobody could help it. */
static void add_mount(const struct run *run, struct board *board, uint32_t number,
		      uint32_t catalog)
{
	const struct interpose_mount *record = mounts_record(run->mounts, number);
	const struct place root = {PLACE_ENTRY, number, 0, 0};
	struct board_mount *mount = &board->mounts[number];
	const char *fqrn = mounts_fqrn(run->mounts, number), *dir;
	uint32_t len;

	dir = mounts_span(run->mounts, number, record->index_dir, &len);
	if (record->uid_map.length || record->gid_map.length ||
	    !copy_text(mount->index_dir, sizeof(mount->index_dir), dir, len) ||
	    !copy_text(mount->fqrn, sizeof(mount->fqrn), fqrn, strlen(fqrn)) ||
	    (slowmounts_any(run->slow) &&
	     slowmounts_has_path(run->slow, mount->index_dir)))
		return;
	mount->record = *record;
	mount->device = mounts_device(&root);
	mount->number = mounts_mount_id(&root);
	mount->catalog = catalog;
	mount->is_open = 1;
}

/* Of a table of `count` slots; where there is no room near `at` it is not found. */
static void set_slot(uint16_t *slots, uint32_t count, uint32_t at, uint32_t number)
{
	for (uint32_t probe = 0; probe < BOARD_PROBES; probe++) {
		uint16_t *slot = &slots[(at + probe) % count];

		if (!*slot) {
			*slot = (uint16_t)number;
			return;
		}
	}
}

static void add_catalog(const struct run *run, struct board *board, uint32_t number)
{
	struct board_catalog *catalog = &board->catalogs[number];
	struct opened_catalog opened;
	uint32_t parent;

	if (!mounts_opened(run->mounts, number - 1, &opened) ||
	    opened.root.mount >= BOARD_MOUNTS)
		return;
	*catalog = (struct board_catalog){.inode_base = opened.inode_base,
					  .dev = opened.dev,
					  .ino = opened.ino,
					  .size = opened.size,
					  .mount = opened.root.mount};
	snprintf(catalog->name, sizeof(catalog->name), "%s.v%d", opened.hash,
		 INTERPOSE_INDEX_VERSION);
	if (opened.root.catalog == 0) {
		add_mount(run, board, opened.root.mount, number);
	} else if (mounts_number(run->mounts, &opened.mountpoint, &parent)) {
		catalog->parent = parent;
		catalog->entry = opened.mountpoint.entry;
		set_slot(
			board->nested, BOARD_SLOTS,
			board_slot(catalog->mount, parent, catalog->entry, BOARD_SLOTS),
			number);
	}
}

static bool has_base(const struct run *run, struct board *board, uint32_t number)
{
	const char *base = openables_base(run, number);

	return copy_text(board->bases[number], BOARD_PATH, base, strlen(base));
}

static void add_unasked(const struct run *run, struct board *board, uint32_t number)
{
	const struct unasked_catalog *catalog = unasked_at(run, number);

	board->unasked[number] = (struct board_unasked){.first = catalog->first,
							.count = catalog->count};
	memcpy(board->bits + catalog->first / 8, unasked_bits(run) + catalog->first / 8,
	       (catalog->count + 7) / 8);
	board->unasked_of[catalog->number] = (uint16_t)(number + 1);
}

static void add_caches(const struct run *run, struct board *board)
{
	for (uint32_t i = 0; i < BOARD_BASES; i++) {
		const struct stubcache *cache = stubcaches_at(run, i);
		struct board_cache *to = &board->caches[i];

		to->dev = cache->dev;
		memcpy(to->owners, cache->owners, sizeof(to->owners));
		to->owner_count = cache->owner_count;
		to->is_foreign = cache->is_foreign;
		memcpy(to->folders, cache->folders, sizeof(to->folders));
	}
	for (uint32_t mount = 0; mount < BOARD_MOUNTS; mount++) {
		const uint8_t *caches = stubcaches_of(run, mount);

		for (int i = 0; i < BOARD_CACHES; i++)
			if (caches[i] && has_base(run, board, caches[i] - 1u))
				board->caches_of[mount][i] = caches[i];
	}
	board->caches_version = stubcaches_version(run);
}

/* One whose mount or catalog is not on the board is found by nobody. */
static void add_object(const struct run *run, struct board *board, uint32_t number)
{
	const struct openable *one = openables_at(run, number);
	struct board_object *object = &board->objects[number];

	if (!mounts_number(run->mounts, &one->place, &object->catalog) ||
	    !has_base(run, board, one->base))
		return;
	object->mount = one->place.mount;
	object->entry = one->place.entry;
	object->mode = (uint16_t)one->st.st_mode;
	object->dev = one->st.st_dev;
	object->ino = one->st.st_ino;
	object->size = (uint64_t)one->st.st_size;
	object->written = one->st.st_mtim.tv_sec;
	object->written_ns = (uint32_t)one->st.st_mtim.tv_nsec;
	object->changed = one->st.st_ctim.tv_sec;
	object->changed_ns = (uint32_t)one->st.st_ctim.tv_nsec;
	object->is_shared = one->is_shared;
	object->is_foreign = one->is_foreign;
	object->base = (uint16_t)one->base;
	strcpy(object->name, one->name);
	set_slot(board->by_place, BOARD_OBJECT_SLOTS,
		 board_slot(object->mount, object->catalog, object->entry,
			    BOARD_OBJECT_SLOTS),
		 number + 1);
	set_slot(board->by_inode, BOARD_OBJECT_SLOTS, board_inode_slot(object->ino),
		 number + 1);
}

void boards_update(const struct run *run, struct board *board)
{
	const uint32_t count = mounts_opened_count(run->mounts) + 1;

	for (; board->catalog_count < count && board->catalog_count < BOARD_CATALOGS;
	     board->catalog_count++)
		add_catalog(run, board, board->catalog_count);
	for (; board->object_count < openables_count(run); board->object_count++)
		add_object(run, board, board->object_count);
	for (; board->unasked_count < unasked_count(run); board->unasked_count++)
		add_unasked(run, board, board->unasked_count);
	if (board->caches_version != stubcaches_version(run))
		add_caches(run, board);
}

/* `size` bytes of the board from `at` on. */
static bool tell(const struct tracee *tracee, const struct board *board, size_t at,
		 size_t size)
{
	union {
		const char *from;
		void *buffer;
	} u = {.from = (const char *)board + at}; /* nothing is changed */
	const struct memory_part part = {
		tracee->tid, tracee->memory->foothold.base + STUB_BOARD_AT + at,
		u.buffer, size, true};

	return memory_move_directly(&part) == (ssize_t)size;
}

/* A mount is seen once it is open, which is the last of it that is written. */
static bool tell_mounts(const struct tracee *tracee, const struct board *board,
			uint32_t *told)
{
	const size_t size = sizeof(board->mounts[0]);
	const size_t open = offsetof(struct board_mount, is_open);

	for (uint32_t i = 0; i < BOARD_MOUNTS; i++) {
		const size_t at = offsetof(struct board, mounts) + i * size;

		if (!board->mounts[i].is_open || (*told >> i & 1))
			continue;
		if (!tell(tracee, board, at, open) ||
		    !tell(tracee, board, at + open, size - open))
			return false;
		*told |= 1u << i;
	}
	return true;
}

static bool tell_slot(const struct tracee *tracee, const struct board *board,
		      const uint16_t *slots, uint32_t at, uint32_t number)
{
	for (uint32_t probe = 0; probe < BOARD_PROBES; probe++) {
		const uint16_t *slot = &slots[(at + probe) % BOARD_OBJECT_SLOTS];

		if (*slot == number + 1)
			return tell(tracee, board,
				    (size_t)((const char *)slot - (const char *)board),
				    sizeof(*slot));
	}
	return true;
}

/* Those of objects from number `first` on. */
static bool tell_slots(const struct tracee *tracee, const struct board *board,
		       uint32_t first)
{
	bool done = true;

	if (board->object_count - first > FEW)
		return tell(tracee, board, offsetof(struct board, by_place),
			    sizeof(board->by_place) + sizeof(board->by_inode));
	for (uint32_t i = first; done && i < board->object_count; i++) {
		const struct board_object *object = &board->objects[i];
		uint32_t at = board_slot(object->mount, object->catalog, object->entry,
					 BOARD_OBJECT_SLOTS);

		done = tell_slot(tracee, board, board->by_place, at, i) &&
		       tell_slot(tracee, board, board->by_inode,
				 board_inode_slot(object->ino), i);
	}
	return done;
}

static bool tell_bases(struct tracee *tracee, const struct board *board)
{
	uint32_t count = 0;

	while (count < BOARD_BASES && board->bases[count][0])
		count++;
	if (count == tracee->memory->foothold.told_bases)
		return true;
	tracee->memory->foothold.told_bases = count;
	return tell(tracee, board, offsetof(struct board, bases), sizeof(board->bases));
}

/* The slots of a few are told one by one. Who finds one finds all of it. */
static void tell_objects(struct tracee *tracee, const struct board *board)
{
	struct foothold *foothold = &tracee->memory->foothold;
	const uint32_t count = board->object_count, told = foothold->told_objects;
	const size_t size = sizeof(board->objects[0]);

	if (told != count && tell_bases(tracee, board) &&
	    tell(tracee, board, offsetof(struct board, objects) + told * size,
		 (count - told) * size) &&
	    tell_slots(tracee, board, told))
		foothold->told_objects = count;
}

/* A mount's number of one is seen last. */
static void tell_caches(struct tracee *tracee, const struct board *board)
{
	struct foothold *foothold = &tracee->memory->foothold;

	if (foothold->told_caches != board->caches_version &&
	    tell_bases(tracee, board) &&
	    tell(tracee, board, offsetof(struct board, caches),
		 sizeof(board->caches)) &&
	    tell(tracee, board, offsetof(struct board, caches_of),
		 sizeof(board->caches_of)))
		foothold->told_caches = board->caches_version;
}

/* Where the bits of so many catalogs end. */
static uint32_t bits_end(const struct board *board, uint32_t count)
{
	const struct board_unasked *last = &board->unasked[count ? count - 1 : 0];

	return count ? (last->first + last->count + 7) / 8 : 0;
}

/* Who finds a catalog's number finds that it is counted, and so all of it. */
static void tell_unasked(struct tracee *tracee, const struct board *board)
{
	struct foothold *foothold = &tracee->memory->foothold;
	const uint32_t count = board->unasked_count, told = foothold->told_unasked;
	const uint32_t begin = bits_end(board, told), end = bits_end(board, count);
	const size_t size = sizeof(board->unasked[0]);

	if (told != count &&
	    tell(tracee, board, offsetof(struct board, bits) + begin, end - begin) &&
	    tell(tracee, board, offsetof(struct board, unasked) + told * size,
		 (count - told) * size) &&
	    tell(tracee, board, offsetof(struct board, unasked_count),
		 sizeof(board->unasked_count)) &&
	    tell(tracee, board, offsetof(struct board, unasked_of),
		 sizeof(board->unasked_of)))
		foothold->told_unasked = count;
}

void boards_tell(struct tracee *tracee, const struct board *board)
{
	struct foothold *foothold = &tracee->memory->foothold;
	const uint32_t count = board->catalog_count, told = foothold->told_catalogs;
	const size_t size = sizeof(board->catalogs[0]);

	tell_objects(tracee, board);
	tell_caches(tracee, board);
	tell_unasked(tracee, board);
	if (told == count)
		return;
	/* What is counted last is seen last. */
	if (tell(tracee, board, offsetof(struct board, catalogs) + told * size,
		 (count - told) * size) &&
	    tell(tracee, board, offsetof(struct board, nested),
		 sizeof(board->nested)) &&
	    tell(tracee, board, offsetof(struct board, catalog_count),
		 sizeof(board->catalog_count)) &&
	    tell_mounts(tracee, board, &foothold->told_mounts))
		foothold->told_catalogs = count;
}
