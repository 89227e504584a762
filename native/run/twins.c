/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/twins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "run/mounts.h"
#include "run/nodes.h"
#include "run/scratch.h"

enum {
	FIRST_SIZE = 64,
	MOST_BYTES = 64 << 20, /* of all */
	PAGE = 4096,
	INODE = 1024,	  /* what each one costs the kernel, about */
	SMALL = 16 << 10, /* of those in memory */
	NAME_SIZE = 16
};

struct twin {
	struct place place;
	uint64_t ino;
	struct timespec written;
	off_t size;
	bool in_memory;
	bool is_made;
};

struct twins {
	struct twin *list; /* by number, which is the name in the folder t */
	uint32_t count, room;
	uint32_t *slots; /* number + 1, by place; an open-addressed table */
	size_t size;	 /* of it; at most half full */
	off_t bytes;	 /* of all that were made */
	bool left_memory;
	bool shares_nothing; /* no file can have the blocks of another */
};

struct twins *twins_create(void)
{
	return calloc(1, sizeof(struct twins));
}

void twins_destroy(struct twins *twins)
{
	if (!twins)
		return;
	free(twins->list);
	free(twins->slots);
	free(twins);
}

/* ---- who is one ---- */

static bool entry_of(const struct run *run, const struct place *place,
		     struct interpose_entry *ret_entry)
{
	const struct index_map *map =
		mounts_catalog(run->mounts, place->mount, place->catalog);

	return map && index_entry(map, place->entry, ret_entry) == 0;
}

bool twins_is_needed(const struct run *run, const struct stat *object,
		     const struct place *place, const struct interpose_entry *entry)
{
	const struct node *node = nodes_numbered(run, object->st_dev, object->st_ino);
	struct interpose_entry other;

	/* The number may be another content's by now. */
	if (!node || node->kind != NODE_OBJECT || place_equal(&node->place, place) ||
	    !mounts_same_content(run->mounts, &node->place, place) ||
	    !entry_of(run, &node->place, &other))
		return false;
	/* Names of one file are no twins: it has one number. */
	return node->place.mount != place->mount ||
	       node->place.catalog != place->catalog || other.inode != entry->inode;
}

/* ---- the table ---- */

static uint32_t *slot_of(const struct twins *twins, const struct place *place,
			 bool in_memory)
{
	uint64_t hash = ((uint64_t)place->mount << 32 | place->catalog) * 2 + in_memory;
	size_t at;

	hash = (hash ^ (uint64_t)place->entry << 20) * 0xff51afd7ed558ccdull;
	hash = (hash ^ hash >> 29) * 0xc4ceb9fe1a85ec53ull;
	at = (size_t)(hash ^ hash >> 32) & (twins->size - 1);
	while (twins->slots[at]) {
		const struct twin *twin = &twins->list[twins->slots[at] - 1];

		if (twin->in_memory == in_memory && place_equal(&twin->place, place))
			break;
		at = (at + 1) & (twins->size - 1);
	}
	return &twins->slots[at];
}

static int make_room(struct twins *twins)
{
	size_t size = twins->size ? twins->size * 2 : FIRST_SIZE;
	struct twin *list;
	uint32_t *slots;

	if (twins->count < twins->room)
		return 0;
	slots = calloc(size, sizeof(*slots));
	list = realloc(twins->list, size / 2 * sizeof(*list));
	if (list)
		twins->list = list;
	if (!slots || !list) {
		free(slots);
		return -ENOMEM;
	}
	free(twins->slots);
	twins->slots = slots;
	twins->size = size;
	twins->room = (uint32_t)(size / 2);
	for (uint32_t i = 0; i < twins->count; i++)
		*slot_of(twins, &list[i].place, list[i].in_memory) = i + 1;
	return 0;
}

static struct twin *known(const struct twins *twins, const struct place *place,
			  bool in_memory)
{
	uint32_t *slot = twins->size ? slot_of(twins, place, in_memory) : NULL;

	return slot && *slot ? &twins->list[*slot - 1] : NULL;
}

static struct twin *add(struct twins *twins, const struct place *place, bool in_memory)
{
	struct twin *twin = known(twins, place, in_memory);

	if (twin || make_room(twins) < 0)
		return twin;
	twin = &twins->list[twins->count];
	*twin = (struct twin){.place = *place, .in_memory = in_memory};
	*slot_of(twins, place, in_memory) = ++twins->count;
	return twin;
}

/* ---- the files ---- */

static const struct scratch *scratch_of(const struct run *run, bool in_memory)
{
	return in_memory ? run->memory : &run->scratch;
}

/* As it was made: a cleaner of old files, or the job itself, may have been there. */
static bool look(const struct run *run, const struct twin *twin, struct stat *ret_stat)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "t/%u", (uint32_t)(twin - run->twins->list));
	return fstatat(scratch_of(run, twin->in_memory)->fd, name, ret_stat,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_whole(const struct run *run, const struct twin *twin)
{
	struct stat st;

	return twin->is_made && look(run, twin, &st) && st.st_ino == twin->ino &&
	       st.st_size == twin->size && st.st_mode == (S_IFREG | 0555) &&
	       st.st_mtim.tv_sec == twin->written.tv_sec &&
	       st.st_mtim.tv_nsec == twin->written.tv_nsec;
}

/* Larger ones share the object's blocks. */
static off_t cost_of(uint64_t size)
{
	return size > TWINS_LARGEST ? INODE
				    : (off_t)((size + PAGE - 1) / PAGE * PAGE) + INODE;
}

/* ---- where one is to be ---- */

static bool has_half(uint64_t all, uint64_t left)
{
	return left >= all / 2; /* 0 and 0: no bound */
}

/* Others use it, too, so it is never filled. Where nothing can be executed there are
 * only empty files that no program is. */
static bool is_for_memory(struct run *run, const struct twin_order *order)
{
	const struct interpose_entry *entry = order->entry;
	struct statfs st;

	if (order->in_scratch || run->twins->left_memory || entry->size > SMALL ||
	    !scratch_memory(run) || fstatfs(run->memory->fd, &st) < 0)
		return false;
	if ((st.f_flags & ST_NOEXEC) && (entry->size || entry->mode & 0111))
		return false;
	return has_half(st.f_files, st.f_ffree) && has_half(st.f_blocks, st.f_bavail);
}

/* The folder is there, whatever a job has done to it. */
static void open_folder(const struct scratch *scratch)
{
	struct stat st;

	if (fstatat(scratch->fd, "t", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (st.st_mode & 0700) != 0700)
		scratch_mend(scratch);
}

static bool is_noexec(const struct scratch *scratch)
{
	struct statfs st;

	return fstatfs(scratch->fd, &st) == 0 && st.f_flags & ST_NOEXEC;
}

static struct twin *whole(const struct run *run, const struct twin_order *order)
{
	struct twin *twin = NULL;

	if (!order->in_scratch && !run->twins->left_memory)
		twin = known(run->twins, order->place, true);
	if (twin && is_whole(run, twin))
		return twin;
	twin = known(run->twins, order->place, false);
	return twin && is_whole(run, twin) ? twin : NULL;
}

/* One that is to be made, or made again; NULL: there is no room. */
static struct twin *to_make(struct run *run, const struct twin_order *order)
{
	struct twins *twins = run->twins;
	uint64_t size = order->entry->size;

	if (twins->bytes + cost_of(size) > MOST_BYTES ||
	    (size > TWINS_LARGEST && twins->shares_nothing))
		return NULL;
	return add(twins, order->place, is_for_memory(run, order));
}

int twins_find(struct run *run, const struct twin_order *order,
	       struct twin_spot *ret_spot)
{
	const struct twin *twin = whole(run, order);
	const struct scratch *scratch;

	ret_spot->is_there = twin;
	ret_spot->in_memory = false;
	if (!twin)
		twin = to_make(run, order);
	if (!twin)
		return -ENOSPC;
	scratch = scratch_of(run, twin->in_memory);
	ret_spot->in_memory = twin->in_memory;
	ret_spot->number = (uint32_t)(twin - run->twins->list);
	if ((size_t)snprintf(ret_spot->path, sizeof(ret_spot->path), "%s/t/%u",
			     scratch->path, ret_spot->number) >= sizeof(ret_spot->path))
		return -ENAMETOOLONG;
	ret_spot->is_noexec = !ret_spot->is_there && is_noexec(scratch);
	if (!ret_spot->is_there)
		open_folder(scratch);
	return 0;
}

void twins_share_nothing(struct run *run)
{
	run->twins->shares_nothing = true;
}

int twins_made(struct run *run, const struct twin_order *order,
	       const struct twin_spot *spot)
{
	struct twin *twin = &run->twins->list[spot->number];
	struct stat st;

	if (!look(run, twin, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != order->entry->size)
		return -EIO;
	if (!twin->is_made)
		run->twins->bytes += cost_of(order->entry->size);
	twin->is_made = true;
	twin->size = st.st_size;
	twin->ino = st.st_ino;
	twin->written = st.st_mtim;
	nodes_learn(run, &st, NODE_OBJECT, order->place);
	return 0;
}

bool twins_vanished(struct run *run, const struct place *place, int error)
{
	const struct twin *twin = known(run->twins, place, true);

	if (twin && !run->twins->left_memory) {
		run->twins->left_memory = true; /* hidden, or shut: there at least */
		return true;
	}
	twin = known(run->twins, place, false);
	return twin && error != -EACCES && !is_whole(run, twin);
}
