/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/objectname.h"
#include "owned/seal.h"
#include "run/alien.h"
#include "run/believed.h"
#include "run/broken.h"
#include "run/channel.h"
#include "run/clock.h"
#include "run/errands.h"
#include "run/mounts.h"
#include "run/slowmounts.h"
#include "run/stubcaches.h"
#include "run/table.h"

enum { RETRY_AFTER_S = 2 };

enum object_state {
	OBJECT_FREE,
	OBJECT_UNKNOWN,
	OBJECT_ASKED,
	OBJECT_THERE,
	OBJECT_FAILED
};

struct object {
	uint8_t digest[INTERPOSE_DIGEST_SIZE];
	uint64_t size;
	uint8_t algorithm;
	bool chunked;
	bool raw;     /* not packed: then the same digest names another content */
	bool shared;  /* perhaps outside of the private cache: others can change it */
	bool foreign; /* it is outside: a lock on it would be one of others, too */
	bool passed;  /* an alien cache was looked at, in vain: the resolver is asked */
	enum object_state state;
	uint32_t question;
	time_t failed_at;
	uint64_t ino;
	mode_t mode;
	struct timespec changed, written;
	char *path;
};

struct objects {
	struct table table;
	bool any_foreign;
};

/* A digest is its own good hash. */
static uint64_t hash_of(const void *slot)
{
	uint64_t hash;

	memcpy(&hash, ((const struct object *)slot)->digest, sizeof(hash));
	return hash;
}

static bool is_free(const void *slot)
{
	return ((const struct object *)slot)->state == OBJECT_FREE;
}

static bool is_same(const void *slot, const void *other)
{
	const struct object *one = slot, *two = other;

	return one->algorithm == two->algorithm && one->size == two->size &&
	       one->chunked == two->chunked && one->raw == two->raw &&
	       memcmp(one->digest, two->digest, INTERPOSE_DIGEST_SIZE) == 0;
}

static const struct table_kind kind = {sizeof(struct object), hash_of, is_free,
				       is_same};

struct objects *objects_create(void)
{
	struct objects *objects = calloc(1, sizeof(*objects));

	if (objects && table_init(&objects->table, &kind) < 0) {
		free(objects);
		return NULL;
	}
	return objects;
}

void objects_destroy(struct objects *objects)
{
	if (!objects)
		return;
	for (size_t i = 0; i < objects->table.count; i++)
		free(((struct object *)table_at(&objects->table, i))->path);
	table_deinit(&objects->table);
	free(objects);
}

/* NULL: no memory. */
static struct object *slot_of(struct objects *objects,
			      const struct interpose_entry *entry)
{
	struct object key = {.size = entry->size,
			     .algorithm = (uint8_t)entry->algorithm,
			     .chunked = entry->flags & INTERPOSE_ENTRY_CHUNKED,
			     .raw = entry->flags & INTERPOSE_ENTRY_UNCOMPRESSED,
			     .state = OBJECT_UNKNOWN};
	struct object *object;

	memcpy(key.digest, entry->digest, INTERPOSE_DIGEST_SIZE);
	object = table_take(&objects->table, &key);
	if (object && object->state == OBJECT_FREE)
		*object = key;
	return object;
}

/* Path in the private cache. */
static void private_path(const struct run *run, uint32_t mount,
			 const struct interpose_entry *entry, char *buffer, size_t size)
{
	const struct interpose_mount *record = mounts_record(run->mounts, mount);
	char name[OBJECTNAME_SIZE];
	uint32_t len;
	const char *dir = mounts_span(run->mounts, mount, record->cache_dir, &len);

	objectname_write(entry, name);
	snprintf(buffer, size, "%.*s/%s", (int)len, dir ? dir : "", name);
}

/* `path` (owned) is where the content is, in the file that `st` is of; it is so only if
 * that has the size that the catalog promises. */
static void object_is_at(struct object *object, char *path, const struct stat *st)
{
	free(object->path);
	object->path = path;
	if (!path || (uint64_t)st->st_size != object->size)
		return;
	object->ino = st->st_ino;
	object->mode = st->st_mode;
	object->changed = st->st_ctim;
	object->written = st->st_mtim;
	object->state = OBJECT_THERE;
}

/* Is a file no longer the one that was found good? One of the private cache may leave
 * it, and come back. */
static bool has_changed(struct object *object, struct stat *ret_stat)
{
	if (stat(object->path, ret_stat) < 0)
		return true;
	return ret_stat->st_ino != object->ino || ret_stat->st_mode != object->mode ||
	       (uint64_t)ret_stat->st_size != object->size ||
	       ret_stat->st_mtim.tv_sec != object->written.tv_sec ||
	       ret_stat->st_mtim.tv_nsec != object->written.tv_nsec ||
	       (object->shared &&
		(ret_stat->st_ctim.tv_sec != object->changed.tv_sec ||
		 ret_stat->st_ctim.tv_nsec != object->changed.tv_nsec));
}

/* Is the file of this path one that we stored ourselves, in a directory that nobody
 * else can write? Looked at by the descriptor of that directory. */
static bool is_our_own(const struct run *run, const struct interpose_entry *entry,
		       const char *path, struct stat *ret_stat)
{
	const char *name = strrchr(path, '/') + 1;
	char above[4096 + 128];
	struct stat st;
	bool ours;
	int fd;

	snprintf(above, sizeof(above), "%.*s", (int)(name - path), path);
	above[name - path - 1] = '\0'; /* with a slash a link would be followed */
	fd = open(above, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	ours = fstat(fd, &st) == 0 && believed_is_ours(run, &st) &&
	       fstatat(fd, name, ret_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(ret_stat->st_mode) && believed_is_ours(run, ret_stat) &&
	       objectname_has_mode(entry, ret_stat->st_mode) && seal_holds(ret_stat);
	close(fd);
	return ours;
}

/* Only files that we stored ourselves count without a question. */
static void look_in_private(const struct run *run, uint32_t mount,
			    const struct interpose_entry *entry, struct object *object)
{
	char path[4096 + 128];
	struct stat st;

	private_path(run, mount, entry, path, sizeof(path));
	if (!is_our_own(run, entry, path, &st) || !believed(&run->scratch, path))
		return;
	object->foreign = false;
	object_is_at(object, strdup(path), &st);
}

/* A look at the alien cache has ended. */
static void take_look(struct run *run, void *argument, int error)
{
	const struct alien_look *look = argument;
	struct object *object = slot_of(run->objects, &look->entry);
	char path[ALIEN_PATH + OBJECTNAME_SIZE + 1];

	if (!object)
		return;
	object->state = OBJECT_UNKNOWN;
	object->question = 0;
	object->passed = error < 0;
	if (error < 0)
		return;
	stubcaches_learn(run, look);
	snprintf(path, sizeof(path), "%s/%s", look->top, look->name);
	object->shared = object->foreign = run->objects->any_foreign = true;
	object_is_at(object, strdup(path), &look->st);
}

/* What others share may be on a file system that does not answer, wherever the links on
 * the way lead. */
static void look_in_alien(struct run *run, uint32_t mount,
			  const struct interpose_entry *entry, struct object *object)
{
	struct alien_look *look =
		object->passed ? NULL : alien_look_create(run, mount, entry);
	struct errand errand = {.work = alien_look_do,
				.drop = free,
				.taken = take_look,
				.argument = look};

	if (!look)
		return;
	look->knows_folder = stubcaches_knows_folder(run, look);
	if (slowmounts_any(run->slow)) {
		object->question = errands_send(run->errands, &errand);
		object->state = object->question ? OBJECT_ASKED : OBJECT_UNKNOWN;
		if (object->question)
			return;
	} else {
		take_look(run, look, alien_look_do(look, NULL));
	}
	free(look);
}

static void take_answer(struct run *run, uint32_t mount,
			const struct interpose_entry *entry, struct object *object)
{
	char expected[4096 + 128];
	struct channel_answer answer;
	struct stat st;
	char *path;
	enum channel_state state =
		channel_look(run->channel, object->question, &answer);

	if (state == CHANNEL_UNDER_WAY)
		return;
	object->state = OBJECT_UNKNOWN;
	object->passed = false;
	if (state == CHANNEL_UNKNOWN)
		return;
	if (!answer.error && answer.body_len) {
		object->shared = true;
		path = strndup((const char *)answer.body, answer.body_len);
		if (path && stat(path, &st) == 0)
			object_is_at(object, path, &st);
		else
			free(path);
		private_path(run, mount, entry, expected, sizeof(expected));
		object->foreign = object->path && strcmp(object->path, expected) != 0;
		run->objects->any_foreign |= object->foreign;
	}
	if (object->state != OBJECT_THERE) {
		if (!answer.error)
			broken_tell(run, BROKEN_OBJECT,
				    object->path ? object->path : "no path", 0);
		object->state = OBJECT_FAILED;
		object->failed_at = clock_now_s();
	}
	channel_forget(run->channel, object->question);
	object->question = 0;
}

static void ask(struct run *run, const struct place *place, struct object *object)
{
	char body[4096 + 128];
	int len = mounts_question_body(run->mounts, place, body, sizeof(body));
	struct channel_question question = {
		.kind = INTERPOSE_OBJECT,
		.entry = place->entry,
		.fqrn = mounts_fqrn(run->mounts, place->mount),
		.body = body,
		.body_len = (size_t)len};
	int id = len < 0 ? len : channel_ask(run->channel, &question);

	run->counters.questions++;
	object->question = id > 0 ? (uint32_t)id : 0;
	object->state = id > 0 ? OBJECT_ASKED : OBJECT_FAILED;
	broken_question(run, id);
	object->failed_at = clock_now_s();
}

enum walk_answer objects_find(struct run *run, const struct place *place,
			      const struct interpose_entry *entry,
			      struct object_found *ret_found)
{
	struct stat *st = &ret_found->st;
	struct object *object;
	bool good;

	if (!entry->digest) {
		broken_tell(run, BROKEN_CONTENT, mounts_fqrn(run->mounts, place->mount),
			    0);
		return WALK_BROKEN;
	}
	object = slot_of(run->objects, entry);
	if (!object)
		return WALK_BROKEN;
	/* An errand is taken when it has ended. */
	if (object->state == OBJECT_ASKED && !(object->question & ERRAND_ID))
		take_answer(run, place->mount, entry, object);
	good = object->state == OBJECT_THERE && !has_changed(object, st);
	if (object->state == OBJECT_THERE && !good)
		object->state = OBJECT_UNKNOWN;
	if (object->state == OBJECT_FAILED &&
	    clock_now_s() - object->failed_at >= RETRY_AFTER_S)
		object->state = OBJECT_UNKNOWN;
	if (object->state == OBJECT_UNKNOWN)
		look_in_private(run, place->mount, entry, object);
	if (object->state == OBJECT_UNKNOWN)
		look_in_alien(run, place->mount, entry, object);
	if (object->state == OBJECT_UNKNOWN)
		ask(run, place, object);
	ret_found->path = object->path;
	ret_found->question = object->question;
	ret_found->is_shared = object->shared;
	ret_found->is_foreign = object->foreign;
	if (object->state == OBJECT_ASKED)
		return WALK_UNKNOWN;
	if (object->state != OBJECT_THERE)
		return WALK_BROKEN;
	if (!good && stat(object->path, st) < 0) {
		broken_tell(run, BROKEN_OBJECT, object->path, -errno);
		return WALK_BROKEN;
	}
	return WALK_YES;
}

bool objects_vanished(struct run *run, const struct interpose_entry *entry)
{
	struct object *object = entry->digest ? slot_of(run->objects, entry) : NULL;
	struct stat st;

	if (!object || object->state != OBJECT_THERE || stat(object->path, &st) == 0)
		return false;
	object->state = OBJECT_UNKNOWN;
	return true;
}

bool objects_is_at(const struct run *run, const struct place *place, uint64_t dev,
		   uint64_t ino)
{
	const struct index_map *map =
		place->kind == PLACE_ENTRY
			? mounts_catalog(run->mounts, place->mount, place->catalog)
			: NULL;
	const struct object *object;
	struct interpose_entry entry;
	struct stat st;

	if (!map || index_entry(map, place->entry, &entry) < 0 || !entry.digest)
		return false;
	object = slot_of(run->objects, &entry);
	return object && object->path && stat(object->path, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

bool objects_shared(struct run *run, const struct interpose_entry *entry)
{
	struct object *object = entry->digest ? slot_of(run->objects, entry) : NULL;

	return object && object->foreign;
}

bool objects_none_shared(const struct run *run)
{
	return !run->objects->any_foreign;
}
