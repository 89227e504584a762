/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/stubcaches.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "run/believed.h"
#include "run/inscription.h"
#include "run/mounts.h"
#include "run/slowmounts.h"

/* As its objects are found: the private cache first (run/objects.c). */
enum { PRIVATE, ALIEN };

struct stubcaches {
	struct stubcache list[OPENABLES_BASES];
	uint8_t of_mount[INSCRIPTION_MOUNTS][STUBCACHES_OF_MOUNT];
	uint32_t version;
};

struct stubcaches *stubcaches_create(void)
{
	return calloc(1, sizeof(struct stubcaches));
}

void stubcaches_destroy(struct stubcaches *caches)
{
	for (int i = 0; caches && i < OPENABLES_BASES; i++)
		free(caches->list[i].known_as);
	free(caches);
}

uint32_t stubcaches_version(const struct run *run)
{
	return run->stubcaches->version;
}

const struct stubcache *stubcaches_at(const struct run *run, uint32_t number)
{
	return &run->stubcaches->list[number];
}

const uint8_t *stubcaches_of(const struct run *run, uint32_t mount)
{
	return run->stubcaches->of_mount[mount % INSCRIPTION_MOUNTS];
}

static bool has_folder(const struct stubcache *cache, enum objectname_kind kind,
		       unsigned int byte)
{
	return cache->folders[kind][byte / 8] >> byte % 8 & 1;
}

static void add_folder(struct run *run, struct stubcache *cache,
		       enum objectname_kind kind, unsigned int byte)
{
	if (has_folder(cache, kind, byte))
		return;
	cache->folders[kind][byte / 8] |= (uint8_t)(1u << byte % 8);
	run->stubcaches->version++;
}

/* NULL: there is no room. */
static struct stubcache *cache_below(struct run *run, const char *path)
{
	uint32_t number;

	return openables_base_of(run, path, strlen(path), &number)
		       ? &run->stubcaches->list[number]
		       : NULL;
}

static void give(struct run *run, uint32_t mount, int which,
		 const struct stubcache *cache)
{
	struct stubcaches *caches = run->stubcaches;
	const uint8_t number = (uint8_t)(cache - caches->list + 1);

	caches->version += caches->of_mount[mount][which] != number;
	caches->of_mount[mount][which] = number;
}

/* ---- the private cache ---- */

static bool is_ours(const struct run *run, int directory, unsigned int byte)
{
	char name[4];
	struct stat st;

	snprintf(name, sizeof(name), "%02x", byte);
	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) && believed_is_ours(run, &st);
}

/* All of a kind are looked at the first time, later the one that was not there. */
static void look_at_own(struct run *run, struct stubcache *cache, const char *path,
			enum objectname_kind kind, unsigned int byte)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const bool is_first = !(cache->kinds >> kind & 1);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !believed_is_ours(run, &st) ||
	    !believed(&run->scratch, path))
		return;
	cache->kinds |= 1u << kind;
	for (unsigned int i = is_first ? 0 : byte;
	     i < (is_first ? STUBCACHES_FOLDERS : byte + 1); i++)
		if (is_ours(run, fd, i))
			add_folder(run, cache, kind, i);
}

/* One that answers, and how the kernel calls it. */
static bool is_near(struct run *run, struct stubcache *cache, const char *path)
{
	_cleanup_close_ int fd = -1;
	char link[64], name[4096];
	struct stat st;
	ssize_t len;

	if (cache->known_as)
		return !cache->is_foreign;
	if (slowmounts_any(run->slow) && slowmounts_has_path(run->slow, path))
		return false;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = fd < 0 ? -1 : readlink(link, name, sizeof(name));
	if (len <= 0 || fstat(fd, &st) < 0)
		return false;
	cache->known_as = strndup(name, (size_t)len);
	cache->dev = st.st_dev;
	cache->owners[0] = run->uid;
	cache->owner_count = 1;
	run->stubcaches->version++;
	return cache->known_as;
}

static bool found_own(struct run *run, const struct place *place,
		      const struct interpose_entry *entry)
{
	const struct interpose_mount *record = mounts_record(run->mounts, place->mount);
	const enum objectname_kind kind = objectname_kind(entry);
	struct stubcache *cache = NULL;
	char top[4096], path[4096 + OBJECTNAME_SIZE];
	uint32_t len;
	const char *dir =
		mounts_span(run->mounts, place->mount, record->cache_dir, &len);

	if (dir && len < sizeof(top)) {
		snprintf(top, sizeof(top), "%.*s", (int)len, dir);
		cache = cache_below(run, top);
	}
	if (!cache || !is_near(run, cache, top))
		return false;
	give(run, place->mount, PRIVATE, cache);
	snprintf(path, sizeof(path), "%s/%s", top, objectname_place(kind));
	if (!has_folder(cache, kind, entry->digest[0]))
		look_at_own(run, cache, path, kind, entry->digest[0]);
	return has_folder(cache, kind, entry->digest[0]);
}

/* ---- an alien one ---- */

static struct stubcache *alien_of(const struct run *run, uint32_t mount)
{
	const uint32_t number = stubcaches_of(run, mount)[ALIEN];

	return mount < INSCRIPTION_MOUNTS && number ? &run->stubcaches->list[number - 1]
						    : NULL;
}

/* One that another repository knows, too, is used if both believe the same owners. */
static bool is_same(struct stubcache *cache, const struct alien_look *look)
{
	if (cache->known_as)
		return cache->is_foreign && cache->dev == look->dev &&
		       cache->owner_count == look->owner_count &&
		       memcmp(cache->owners, look->owners, sizeof(cache->owners)) == 0;
	cache->dev = look->dev;
	cache->is_foreign = true;
	memcpy(cache->owners, look->owners, sizeof(cache->owners));
	cache->owner_count = look->owner_count;
	cache->known_as = strdup(look->known_as);
	return cache->known_as;
}

void stubcaches_learn(struct run *run, const struct alien_look *look)
{
	struct stubcache *cache;

	if (!run->fast || look->mount >= INSCRIPTION_MOUNTS || !alien_suits_stubs(look))
		return;
	cache = cache_below(run, look->top);
	if (!cache || !is_same(cache, look))
		return;
	give(run, look->mount, ALIEN, cache);
	add_folder(run, cache, OBJECTNAME_PACKED, look->digest[0]);
}

bool stubcaches_knows_folder(const struct run *run, const struct alien_look *look)
{
	const struct stubcache *cache = alien_of(run, look->mount);

	return cache && has_folder(cache, OBJECTNAME_PACKED, look->digest[0]);
}

/* ---- both ---- */

bool stubcaches_found(struct run *run, const struct object_found *found,
		      const struct place *place, const struct interpose_entry *entry)
{
	const struct stubcache *cache;

	if (place->mount >= INSCRIPTION_MOUNTS)
		return false;
	if (!found->is_foreign)
		return found_own(run, place, entry);
	cache = alien_of(run, place->mount);
	return cache && objectname_kind(entry) == OBJECTNAME_PACKED;
}
