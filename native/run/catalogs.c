/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The catalogs of an opened repository: index files, mapped when a walk needs them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/mapping.h"
#include "run/broken.h"
#include "run/clock.h"
#include "run/inscription.h"
#include "run/mounttable.h"

void catalogs_deinit(struct catalog *catalog)
{
	if (catalog->state == SLOT_OPEN)
		mapping_close(&catalog->map);
	free(catalog->prefix);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash ^= value + 0x9e3779b97f4a7c15ull;
	hash *= 0xff51afd7ed558ccdull;
	return hash ^ (hash >> 32);
}

static uint64_t inode_base(uint64_t seed, const char *prefix)
{
	/* Ranges of 2^32 numbers anywhere below 2^53: two of a thousand catalogs
	 * meet with a chance of about 10^-5. */
	uint64_t hash = mix(mix(seed, index_name_hash(prefix, strlen(prefix))), 1);

	return hash % ((1ull << 53) - (1ull << 33));
}

static void hash_text(const uint8_t *digest, uint32_t algorithm, char *ret_text)
{
	static const char *const suffix[] = {"", "-rmd160", "-shake128"};

	for (int i = 0; i < INTERPOSE_DIGEST_SIZE; i++)
		sprintf(ret_text + 2 * i, "%02x", digest[i]);
	strcat(ret_text, suffix[algorithm < 3 ? algorithm : 0]);
}

void catalogs_close(struct mount *mount, struct catalog *catalog)
{
	mapping_close(&catalog->map);
	catalog->state = SLOT_UNKNOWN;
	mount->open_count--;
}

void catalogs_attach(const struct mounts *mounts, uint32_t mount,
		     struct catalog *catalog)
{
	if (!catalog->is_detached)
		return;
	catalog->is_detached = false;
	catalogs_map(mounts, mount, catalog);
	catalog->is_lost = catalog->state != SLOT_OPEN;
}

/* Without memory it has no number, and nobody but us uses it. */
static void note_opened(const struct mounts *mounts, uint32_t mount,
			struct catalog *catalog)
{
	struct opened *opened = mounts->opened;
	struct place root = {PLACE_ENTRY, mount, 0, 0};
	struct place *roots;

	root.catalog = (uint32_t)(catalog - mounts->mounts[mount].catalogs);
	if (catalog->number)
		return;
	roots = realloc(opened->roots, (opened->count + 1) * sizeof(*roots));
	if (!roots)
		return;
	opened->roots = roots;
	roots[opened->count++] = root;
	catalog->number = opened->count;
}

uint32_t mounts_opened_count(const struct mounts *mounts)
{
	return mounts->opened->count;
}

bool mounts_opened(const struct mounts *mounts, uint32_t number,
		   struct opened_catalog *ret_catalog)
{
	const struct place *root = &mounts->opened->roots[number];
	const struct mount *mount = &mounts->mounts[root->mount];
	const struct catalog *catalog;

	if (root->catalog >= mount->catalog_count)
		return false;
	catalog = &mount->catalogs[root->catalog];
	*ret_catalog = (struct opened_catalog){.root = *root,
					       .mountpoint = catalog->mountpoint,
					       .inode_base = catalog->inode_base,
					       .dev = catalog->dev,
					       .ino = catalog->ino,
					       .size = catalog->map.size,
					       .hash = catalog->hash};
	return catalog->state == SLOT_OPEN;
}

bool mounts_place(const struct mounts *mounts, const struct inscription *text,
		  struct place *ret_place)
{
	*ret_place = (struct place){PLACE_ENTRY, text->mount, 0, text->entry};
	if (text->catalog > mounts->opened->count || text->mount >= mounts->count)
		return false;
	if (text->catalog) {
		const struct place *root = &mounts->opened->roots[text->catalog - 1];

		if (root->mount != text->mount)
			return false;
		ret_place->catalog = root->catalog;
	}
	return mounts_is_open(mounts, text->mount);
}

bool mounts_is_index(const struct mounts *mounts, uint64_t dev, uint64_t ino)
{
	struct opened_catalog catalog;

	for (uint32_t i = 0; i < mounts->opened->count; i++)
		if (mounts_opened(mounts, i, &catalog) && catalog.ino == ino &&
		    catalog.dev == dev)
			return true;
	return false;
}

uint32_t mounts_opened_number(const struct mounts *mounts, const struct place *place)
{
	return mounts->mounts[place->mount].catalogs[place->catalog].number;
}

bool mounts_number(const struct mounts *mounts, const struct place *place,
		   uint32_t *ret_number)
{
	*ret_number = 0;
	if (place->kind == PLACE_ENTRY && place->catalog)
		*ret_number = mounts_opened_number(mounts, place);
	return place->kind == PLACE_ENTRY && (*ret_number || !place->catalog);
}

static void catalog_opened(const struct mounts *mounts, uint32_t number,
			   struct catalog *catalog, const struct stat *st)
{
	struct mount *mount = &mounts->mounts[number];

	note_opened(mounts, number, catalog);
	catalog->dev = st->st_dev;
	catalog->ino = st->st_ino;

	catalog->state = SLOT_OPEN;
	mount->newest = (uint32_t)(catalog - mount->catalogs);
	mount->open_count++;
	mount->has_grown = true;
}

/* Opens the index file at `path`; the state stays when there is no sound one. */
static void catalog_map_path(const struct mounts *mounts, uint32_t mount,
			     struct catalog *catalog, const char *path)
{
	int fd = mounttable_open(mounts, path);
	char name[sizeof(catalog->hash)];
	struct stat st;

	if (fd < 0)
		return;
	/* A damaged one is made anew by the resolver; so is one of another catalog. */
	if (mapping_open(fd, &catalog->map) == 0) {
		hash_text(catalog->map.digest, catalog->map.algorithm, name);
		if (strcmp(name, catalog->hash) == 0 && fstat(fd, &st) == 0)
			catalog_opened(mounts, mount, catalog, &st);
		else
			mapping_close(&catalog->map);
	}
	close(fd);
}

/* Where index files are as a rule. */
void catalogs_map(const struct mounts *mounts, uint32_t mount, struct catalog *catalog)
{
	const struct interpose_mount *record = mounts->mounts[mount].record;
	uint32_t len;
	const char *dir = mounts_span(mounts, mount, record->index_dir, &len);
	char path[4096 + 128];

	if (!dir || len >= 4096)
		return;
	snprintf(path, sizeof(path), "%.*s/%s.v%d", (int)len, dir, catalog->hash,
		 INTERPOSE_INDEX_VERSION);
	catalog_map_path(mounts, mount, catalog, path);
}

/* The answer names the index file if it had to be put elsewhere. */
static void catalog_map_answer(const struct mounts *mounts, uint32_t mount,
			       struct catalog *catalog,
			       const struct channel_answer *answer)
{
	char path[4096];

	if (answer->body_len == 0) {
		catalogs_map(mounts, mount, catalog);
	} else if (answer->body_len < sizeof(path)) {
		memcpy(path, answer->body, answer->body_len);
		path[answer->body_len] = '\0';
		catalog_map_path(mounts, mount, catalog, path);
	}
}

int catalogs_add(struct mounts *mounts, const struct place *mountpoint,
		 const char *prefix, const uint8_t *digest, uint32_t algorithm)
{
	struct mount *m = &mounts->mounts[mountpoint->mount];
	struct catalog *all =
		realloc(m->catalogs, (m->catalog_count + 1) * sizeof(*all));
	struct catalog *catalog;

	if (!all)
		return -ENOMEM;
	m->catalogs = all;
	catalog = &all[m->catalog_count];
	memset(catalog, 0, sizeof(*catalog));
	catalog->prefix = strdup(prefix);
	if (!catalog->prefix)
		return -ENOMEM;
	catalog->mountpoint = *mountpoint;
	hash_text(digest, algorithm, catalog->hash);
	catalog->inode_base = inode_base(m->record->inode_seed, prefix);
	m->catalog_count++;
	catalogs_map(mounts, mountpoint->mount, catalog);
	return 0;
}

/* Slot of the catalog at `mountpoint`, made if there is none; a negative errno. */
static int nested_slot(struct mounts *mounts, const struct place *mountpoint)
{
	struct mount *mount = &mounts->mounts[mountpoint->mount];
	const struct index_map *map;
	struct interpose_entry entry;
	char path[4096 + 128];
	uint32_t slot;
	int result;

	slot = nestedtable_find(&mount->nested, mountpoint->catalog, mountpoint->entry);
	if (slot)
		return (int)slot;
	map = mounts_catalog(mounts, mountpoint->mount, mountpoint->catalog);
	result = map ? index_entry(map, mountpoint->entry, &entry) : -EBADMSG;
	if (result < 0)
		return result;
	if (!entry.digest)
		return -ENOENT;
	result = mounts_path(mounts, mountpoint, path, sizeof(path));
	if (result < 0)
		return result;
	result = catalogs_add(mounts, mountpoint,
			      path + strlen(PREFIX_REPOSITORIES "/") +
				      strlen(mount->fqrn),
			      entry.digest, entry.algorithm);
	if (result < 0)
		return result;
	slot = mount->catalog_count - 1;
	result = nestedtable_add(
		&mount->nested,
		&(struct nested){mountpoint->catalog, mountpoint->entry, slot});
	return result < 0 ? result : (int)slot;
}

static void catalog_take_answer(struct run *run, uint32_t mount,
				struct catalog *catalog)
{
	struct channel_answer answer;
	enum channel_state state =
		channel_look(run->channel, catalog->question, &answer);

	if (state == CHANNEL_UNDER_WAY)
		return;
	catalog->state = SLOT_UNKNOWN;
	if (state == CHANNEL_UNKNOWN)
		return;
	if (!answer.error)
		catalog_map_answer(run->mounts, mount, catalog, &answer);
	if (catalog->state != SLOT_OPEN) {
		if (!answer.error)
			broken_tell(run, BROKEN_INDEX, catalog->hash, 0);
		catalog->state = SLOT_FAILED;
		catalog->failed_at = clock_now_s();
	}
	channel_forget(run->channel, catalog->question);
	catalog->question = 0;
}

/* Hash text NUL path of its root. */
static uint32_t catalog_ask(struct run *run, uint32_t mount,
			    const struct catalog *catalog)
{
	char body[4096 + 128];
	int len = snprintf(body, sizeof(body), "%s%c%s", catalog->hash, '\0',
			   catalog->prefix);
	struct channel_question question = {.kind = INTERPOSE_CATALOG,
					    .fqrn = run->mounts->mounts[mount].fqrn,
					    .body = body,
					    .body_len = (size_t)len};

	if (len < 0 || (size_t)len >= sizeof(body))
		return 0;
	return mounttable_ask(run, &question);
}

uint32_t catalogs_advance(struct run *run, uint32_t mount, struct catalog *catalog)
{
	if (catalog->state == SLOT_OPENING)
		catalog_take_answer(run, mount, catalog);
	if (catalog->state == SLOT_FAILED && mounttable_retry_now(catalog->failed_at))
		catalog->state = SLOT_UNKNOWN;
	catalogs_attach(run->mounts, mount, catalog);
	if (catalog->state == SLOT_UNKNOWN) {
		catalog->question = catalog_ask(run, mount, catalog);
		if (!catalog->question)
			return 0;
		catalog->state = SLOT_OPENING;
	}
	return catalog->state == SLOT_OPENING ? catalog->question : 0;
}

enum walk_answer mounts_nested(struct run *run, const struct place *mountpoint,
			       uint32_t *ret_catalog, uint32_t *ret_question)
{
	struct mounts *mounts = run->mounts;
	int slot = nested_slot(mounts, mountpoint);
	struct catalog *catalog;

	if (slot < 0) {
		broken_tell(run, slot == -ENOMEM ? BROKEN_MEMORY : BROKEN_INDEX,
			    mounts->mounts[mountpoint->mount].fqrn, slot);
		return WALK_BROKEN;
	}
	catalog = &mounts->mounts[mountpoint->mount].catalogs[slot];
	*ret_catalog = (uint32_t)slot;
	*ret_question = catalogs_advance(run, mountpoint->mount, catalog);
	if (*ret_question)
		return WALK_UNKNOWN;
	return catalog->state == SLOT_OPEN ? WALK_YES : WALK_BROKEN;
}

int mounts_question_body(const struct mounts *mounts, const struct place *place,
			 char *buffer, size_t size)
{
	const struct mount *mount = &mounts->mounts[place->mount];
	const char *hash = mount->catalogs[place->catalog].hash;
	char path[4096 + 128];
	int len = mounts_path(mounts, place, path, sizeof(path));
	size_t skip = strlen(PREFIX_REPOSITORIES "/") + strlen(mount->fqrn);

	if (len < 0)
		return len;
	if (strlen(hash) + 1 + (size_t)len - skip > size)
		return -ENAMETOOLONG;
	memcpy(buffer, hash, strlen(hash) + 1);
	memcpy(buffer + strlen(hash) + 1, path + skip, (size_t)len - skip);
	return (int)(strlen(hash) + 1 + (size_t)len - skip);
}
