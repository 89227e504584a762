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
#include "run/slowmounts.h"
#include "tracee/memory.h"

_Static_assert((int)BOARD_MOUNTS == INSCRIPTION_MOUNTS &&
		       (int)BOARD_CATALOGS == INSCRIPTION_CATALOGS,
	       "a skeleton can say what a board can have");

struct board *boards_create(void)
{
	struct board *board = calloc(1, sizeof(*board));

	if (board)
		board->catalog_count = 1; /* number 0 is nobody's */
	return board;
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

/* Where a walk finds it; where there is no room near that it does not. */
static void hang_up(struct board *board, uint32_t number)
{
	const struct board_catalog *catalog = &board->catalogs[number];
	uint32_t at = board_slot(catalog->mount, catalog->parent, catalog->entry);

	for (int probe = 0; probe < BOARD_PROBES; probe++) {
		uint16_t *slot = &board->nested[(at + (uint32_t)probe) % BOARD_SLOTS];

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
		hang_up(board, number);
	}
}

void boards_update(const struct run *run, struct board *board)
{
	const uint32_t count = mounts_opened_count(run->mounts) + 1;

	for (; board->catalog_count < count && board->catalog_count < BOARD_CATALOGS;
	     board->catalog_count++)
		add_catalog(run, board, board->catalog_count);
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

void boards_tell(struct tracee *tracee, const struct board *board)
{
	struct foothold *foothold = &tracee->memory->foothold;
	const uint32_t count = board->catalog_count, told = foothold->told_catalogs;
	const size_t size = sizeof(board->catalogs[0]);

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
