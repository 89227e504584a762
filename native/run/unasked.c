/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/unasked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/objectname.h"
#include "run/inscription.h"
#include "run/mounts.h"
#include "run/openables.h"
#include "run/owners.h"
#include "run/stubcaches.h"
#include "run/twins.h"

/* To look through so many entries costs what a stop does. */
enum { ENTRIES_FOR_A_STOP = 256 };

struct unasked {
	struct unasked_catalog *list; /* room for all; NULL: none yet */
	uint32_t count, bits_used;
	uint8_t *bits; /* likewise */
	/* By number of a catalog: how many stops for files it has had; and what is in
	 * the list, + 1. */
	uint32_t stops[INSCRIPTION_CATALOGS];
	uint16_t slots[INSCRIPTION_CATALOGS];
};

struct unasked *unasked_create(void)
{
	return calloc(1, sizeof(struct unasked));
}

void unasked_destroy(struct unasked *unasked)
{
	if (unasked) {
		free(unasked->list);
		free(unasked->bits);
	}
	free(unasked);
}

/* ---- a catalog more ---- */

/* Number of the place's catalog, the root catalog's included; 0: it has none that a
 * stub can have. */
static uint32_t number_of(const struct run *run, const struct place *place)
{
	uint32_t number = mounts_opened_number(run->mounts, place);

	return number < INSCRIPTION_CATALOGS ? number : 0;
}

/* A large one would get no copy if it had a twin; and of several names of a file the
 * one counts by which it was opened last. */
static bool is_single(const struct interpose_entry *entry)
{
	return S_ISREG(entry->mode) && entry->digest && entry->size <= TWINS_LARGEST &&
	       entry->nlink <= 1 && !(entry->flags & INTERPOSE_ENTRY_TWIN);
}

static void mark(struct run *run, const struct unasked_catalog *catalog,
		 const struct index_map *map)
{
	struct place place = {PLACE_ENTRY, catalog->mount, catalog->catalog, 0};
	struct interpose_entry entry;

	for (; place.entry < catalog->count; place.entry++) {
		const uint32_t bit = catalog->first + place.entry;

		if (index_entry(map, place.entry, &entry) == 0 && is_single(&entry) &&
		    owners_take(run, &place, &entry) == OWNER_PLACE)
			run->unasked->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
}

/* Most runs open few files. */
static bool has_room(struct unasked *unasked)
{
	if (!unasked->list)
		unasked->list = calloc(INSCRIPTION_CATALOGS, sizeof(*unasked->list));
	if (!unasked->bits)
		unasked->bits = calloc(1, UNASKED_BITS / 8);
	return unasked->list && unasked->bits;
}

static void add(struct run *run, const struct unasked_catalog *catalog)
{
	struct unasked *unasked = run->unasked;
	const struct index_map *map =
		mounts_catalog(run->mounts, catalog->mount, catalog->catalog);
	struct unasked_catalog *new;

	if (!map || map->count > UNASKED_BITS - unasked->bits_used ||
	    !has_room(unasked))
		return;
	new = &unasked->list[unasked->count];
	*new = *catalog;
	new->first = unasked->bits_used;
	new->count = map->count;
	unasked->bits_used += (map->count + 7) / 8 * 8;
	mark(run, new, map);
	unasked->slots[new->number] = (uint16_t)++unasked->count;
}

void unasked_opened(struct run *run, const struct object_found *found,
		    const struct place *place, const struct interpose_entry *entry)
{
	struct unasked_catalog catalog = {.number = number_of(run, place),
					  .mount = place->mount,
					  .catalog = place->catalog};
	struct unasked *unasked = run->unasked;
	const struct index_map *map;

	if (!run->fast || !catalog.number ||
	    !stubcaches_found(run, found, place, entry) ||
	    unasked->slots[catalog.number])
		return;
	map = mounts_catalog(run->mounts, place->mount, place->catalog);
	if (map && ++unasked->stops[catalog.number] > map->count / ENTRIES_FOR_A_STOP)
		add(run, &catalog);
}

uint32_t unasked_count(const struct run *run)
{
	return run->unasked->count;
}

const struct unasked_catalog *unasked_at(const struct run *run, uint32_t number)
{
	return &run->unasked->list[number];
}

const uint8_t *unasked_bits(const struct run *run)
{
	return run->unasked->bits;
}

static const struct unasked_catalog *catalog_of(const struct run *run,
						const struct place *place)
{
	const struct unasked *unasked = run->unasked;
	const uint16_t slot = unasked->slots[number_of(run, place)];

	return slot ? &unasked->list[slot - 1] : NULL;
}

bool unasked_has(const struct run *run, const struct place *place)
{
	const struct unasked_catalog *catalog = catalog_of(run, place);
	uint32_t bit;

	if (!catalog || place->entry >= catalog->count)
		return false;
	bit = catalog->first + place->entry;
	return run->unasked->bits[bit / 8] >> bit % 8 & 1;
}

/* ---- whose inode it is ---- */

bool unasked_may_be(const struct run *run, uint64_t dev)
{
	for (uint32_t i = 0; run->unasked->count && i < OPENABLES_BASES; i++)
		if (stubcaches_at(run, i)->known_as &&
		    stubcaches_at(run, i)->dev == dev)
			return true;
	return false;
}

static bool entry_of(const struct run *run, const struct place *place,
		     struct interpose_entry *ret_entry)
{
	const struct index_map *map =
		mounts_catalog(run->mounts, place->mount, place->catalog);

	return map && index_entry(map, place->entry, ret_entry) == 0 &&
	       ret_entry->digest;
}

/* It has the object's name, wherever that leads whom it was read for. */
static bool is_there(const struct run *run, uint32_t number,
		     const struct interpose_entry *entry,
		     const struct unasked_file *file)
{
	char name[OBJECTNAME_SIZE], path[4096 + OBJECTNAME_SIZE];
	struct stat st;

	objectname_write(entry, name);
	snprintf(path, sizeof(path), "%s/%s", openables_base(run, number), name);
	return stat(path, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino;
}

/* It has the name that it has in this cache, or had it and somebody has it open still.
 */
static bool is_in(const struct run *run, uint32_t number,
		  const struct unasked_file *file)
{
	const char *known_as = stubcaches_at(run, number)->known_as;
	const size_t len = strlen(known_as);

	return file->len > len && memcmp(file->name, known_as, len) == 0 &&
	       file->name[len] == '/';
}

bool unasked_place(const struct run *run, const struct unasked_file *file,
		   struct place *ret_place)
{
	static const char gone[] = " (deleted)";
	const size_t gone_len = sizeof(gone) - 1;
	const bool is_gone =
		file->len > gone_len &&
		memcmp(file->name + file->len - gone_len, gone, gone_len) == 0;
	const size_t len = file->len - (is_gone ? gone_len : 0);
	uint8_t digest[INTERPOSE_DIGEST_SIZE];
	struct interpose_entry entry;
	const uint8_t *caches;

	if (!unasked_may_be(run, file->dev) ||
	    !objectname_digest(file->name, len, digest) ||
	    !owners_find(run, digest, ret_place) || !unasked_has(run, ret_place) ||
	    !entry_of(run, ret_place, &entry) ||
	    !objectname_ends(&entry, file->name, len))
		return false;
	caches = stubcaches_of(run, ret_place->mount);
	for (int i = 0; i < STUBCACHES_OF_MOUNT; i++)
		if (caches[i] &&
		    (is_gone ? is_in(run, caches[i] - 1u, file)
			     : is_there(run, caches[i] - 1u, &entry, file)))
			return true;
	return false;
}
