/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/unasked.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "index/objectname.h"
#include "run/believed.h"
#include "run/inscription.h"
#include "run/mounts.h"
#include "run/openables.h"
#include "run/owners.h"
#include "run/slowmounts.h"
#include "run/twins.h"

enum {
	/* To look through so many entries costs what a stop does. */
	ENTRIES_FOR_A_STOP = 256,
	FOLDERS = 256
};

struct unasked {
	struct unasked_catalog *list; /* room for all; NULL: none yet */
	uint32_t count, bits_used;
	uint8_t *bits; /* likewise */
	/* By number of a catalog: how many stops for files it has had; and what is in
	 * the list, + 1. */
	uint32_t stops[INSCRIPTION_CATALOGS];
	uint16_t slots[INSCRIPTION_CATALOGS];
	struct cache {
		uint32_t looked_at, ours; /* bits of enum objectname_kind */
		char *name;		  /* as the kernel has it */
	} caches[OPENABLES_BASES];
};

struct unasked *unasked_create(void)
{
	return calloc(1, sizeof(struct unasked));
}

void unasked_destroy(struct unasked *unasked)
{
	for (int i = 0; unasked && i < OPENABLES_BASES; i++)
		free(unasked->caches[i].name);
	if (unasked) {
		free(unasked->list);
		free(unasked->bits);
	}
	free(unasked);
}

/* ---- whose directories they are ---- */

/* What is not there yet is made by us alone. */
static bool holds_only_ours(const struct run *run, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[4];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !believed_is_ours(run, &st) ||
	    !believed(&run->scratch, path))
		return false;
	for (unsigned int i = 0; i < FOLDERS; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (!S_ISDIR(st.st_mode) || !believed_is_ours(run, &st)))
			return false;
	}
	return true;
}

/* May objects of this kind be opened there by who does not look at the way? */
static bool is_ours(const struct run *run, uint32_t base, enum objectname_kind kind)
{
	struct cache *cache = &run->unasked->caches[base];
	char path[4096 + OBJECTNAME_SIZE];

	if (!(cache->looked_at >> kind & 1)) {
		cache->looked_at |= 1u << kind;
		snprintf(path, sizeof(path), "%s/%s", openables_base(run, base),
			 objectname_place(kind));
		if (holds_only_ours(run, path))
			cache->ours |= 1u << kind;
	}
	return cache->ours >> kind & 1;
}

/* One that answers, and how the kernel calls it. */
static bool is_near(const struct run *run, uint32_t base)
{
	struct cache *cache = &run->unasked->caches[base];
	const char *path = openables_base(run, base);
	_cleanup_close_ int fd = -1;
	char link[64], name[4096];
	ssize_t len;

	if (cache->name)
		return true;
	if (slowmounts_any(run->slow) && slowmounts_has_path(run->slow, path))
		return false;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = fd < 0 ? -1 : readlink(link, name, sizeof(name));
	cache->name = len > 0 ? strndup(name, (size_t)len) : NULL;
	return cache->name;
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
		    is_ours(run, catalog->base, objectname_kind(&entry)) &&
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
		    const struct place *place)
{
	struct unasked_catalog catalog = {.number = number_of(run, place),
					  .mount = place->mount,
					  .catalog = place->catalog,
					  .dev = found->st.st_dev};
	const struct interpose_mount *record = mounts_record(run->mounts, place->mount);
	struct unasked *unasked = run->unasked;
	const struct index_map *map;
	const char *cache;
	uint32_t len;

	if (!run->fast || !catalog.number || found->is_foreign ||
	    unasked->slots[catalog.number])
		return;
	map = mounts_catalog(run->mounts, place->mount, place->catalog);
	if (!map || ++unasked->stops[catalog.number] <= map->count / ENTRIES_FOR_A_STOP)
		return;
	cache = mounts_span(run->mounts, place->mount, record->cache_dir, &len);
	if (cache && openables_base_of(run, cache, len, &catalog.base) &&
	    is_near(run, catalog.base))
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
	for (uint32_t i = 0; i < run->unasked->count; i++)
		if (run->unasked->list[i].dev == dev)
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
static bool is_there(const struct run *run, const struct unasked_catalog *catalog,
		     const struct interpose_entry *entry,
		     const struct unasked_file *file)
{
	char name[OBJECTNAME_SIZE], path[4096 + OBJECTNAME_SIZE];
	struct stat st;

	objectname_write(entry, name);
	snprintf(path, sizeof(path), "%s/%s", openables_base(run, catalog->base), name);
	return stat(path, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino;
}

/* It had it, and somebody has it open still. */
static bool was_there(const struct cache *cache, const struct unasked_file *file)
{
	const size_t len = strlen(cache->name);

	return file->len > len && memcmp(file->name, cache->name, len) == 0 &&
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
	const struct unasked_catalog *catalog;
	struct interpose_entry entry;

	if (!unasked_may_be(run, file->dev) ||
	    !objectname_digest(file->name, len, digest) ||
	    !owners_find(run, digest, ret_place) || !unasked_has(run, ret_place) ||
	    !entry_of(run, ret_place, &entry) ||
	    !objectname_ends(&entry, file->name, len))
		return false;
	catalog = catalog_of(run, ret_place);
	return is_gone ? was_there(&run->unasked->caches[catalog->base], file)
		       : is_there(run, catalog, &entry, file);
}
