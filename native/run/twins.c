/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/twins.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "run/nodes.h"
#include "run/scratch.h"

enum {
	BUCKETS = 4096,
	MOST_BYTES = 64 << 20, /* of all */
	MOST_TRIES = 64,       /* to find one that nobody has, for each page */
	PAGE = 4096,
	INODE = 1024,	  /* what each one costs the kernel, about */
	SMALL = 64 << 10, /* of those in memory */
	NAME_SIZE = 40
};

/* A copy, or one to be; in a list by number. */
struct twin {
	struct place place;
	uint32_t next;	 /* of its bucket, or of the free ones: number + 1 */
	uint32_t serial; /* its name ends with it: never one that was another's */
	uint64_t dev, ino;
	struct timespec written;
	off_t size;
	bool in_memory, is_made;
	bool is_kept;	/* somebody may have it whom the kernel does not count */
	bool is_recent; /* given out again since it was last looked at */
};

struct twins {
	/* Names begin with it: who may pass root's scratch cannot guess them. */
	uint64_t secret;
	struct twin *list;
	uint32_t count, room;
	uint32_t heads[BUCKETS], free; /* number + 1 */
	uint32_t hand; /* where the next one to be removed is looked for */
	uint32_t last_serial;
	uint64_t removed; /* how many so far */
	off_t bytes;	  /* of all that are there */
	bool left_memory;
	bool shares_nothing; /* no file can have the blocks of another */
};

struct twins *twins_create(void)
{
	struct twins *twins = calloc(1, sizeof(*twins));

	if (twins && getrandom(&twins->secret, sizeof(twins->secret), 0) < 0)
		twins->secret = 0;
	return twins;
}

void twins_destroy(struct twins *twins)
{
	if (!twins)
		return;
	free(twins->list);
	free(twins);
}

/* ---- the table ---- */

static uint32_t *head_of(struct twins *twins, const struct place *place)
{
	uint64_t hash = (uint64_t)place->mount << 32 | place->catalog;

	hash = (hash ^ (uint64_t)place->entry << 20) * 0xff51afd7ed558ccdull;
	hash = (hash ^ hash >> 29) * 0xc4ceb9fe1a85ec53ull;
	return &twins->heads[(hash ^ hash >> 32) % BUCKETS];
}

static struct twin *known(struct twins *twins, const struct place *place,
			  bool in_memory)
{
	for (uint32_t at = *head_of(twins, place); at; at = twins->list[at - 1].next) {
		struct twin *twin = &twins->list[at - 1];

		if (twin->in_memory == in_memory && place_equal(&twin->place, place))
			return twin;
	}
	return NULL;
}

static uint32_t number_of(const struct twins *twins, const struct twin *twin)
{
	return (uint32_t)(twin - twins->list);
}

static struct twin *new_one(struct twins *twins)
{
	uint32_t room = twins->room ? twins->room * 2 : 64;
	uint32_t number = twins->free;
	struct twin *list;

	if (number) {
		twins->free = twins->list[number - 1].next;
		return &twins->list[number - 1];
	}
	if (twins->count == twins->room) {
		list = realloc(twins->list, room * sizeof(*list));
		if (!list)
			return NULL;
		twins->list = list;
		twins->room = room;
	}
	return &twins->list[twins->count++];
}

static struct twin *add(struct twins *twins, const struct place *place, bool in_memory)
{
	uint32_t *head = head_of(twins, place);
	struct twin *twin = known(twins, place, in_memory);

	if (twin)
		return twin;
	twin = new_one(twins);
	if (!twin)
		return NULL;
	*twin = (struct twin){.place = *place,
			      .in_memory = in_memory,
			      .next = *head,
			      .serial = ++twins->last_serial};
	*head = number_of(twins, twin) + 1;
	return twin;
}

static void take_out(struct twins *twins, struct twin *twin)
{
	uint32_t number = number_of(twins, twin);
	uint32_t *at = head_of(twins, &twin->place);

	while (*at != number + 1)
		at = &twins->list[*at - 1].next;
	*at = twin->next;
	*twin = (struct twin){.next = twins->free};
	twins->free = number + 1;
}

/* ---- the files ---- */

static const struct scratch *scratch_of(const struct run *run, bool in_memory)
{
	return in_memory ? run->memory : &run->scratch;
}

static void name_of(const struct run *run, const struct twin *twin,
		    char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "t/%016llx-%u",
		 (unsigned long long)run->twins->secret, twin->serial);
}

static bool look(const struct run *run, const struct twin *twin, struct stat *ret_stat)
{
	char name[NAME_SIZE];

	name_of(run, twin, name);
	return fstatat(scratch_of(run, twin->in_memory)->fd, name, ret_stat,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

/* As it was made: a cleaner of old files, or the job itself, may have been there. */
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

/* ---- room for more ---- */

/* A lease for writing is given for what nobody else has open (check_conflicting_open()
 * of Linux' fs/locks.c), maps and running programs included. */
static bool nobody_has(int fd)
{
	bool alone;

	/* Who opens it just now has to wait, and we are told: by nothing that ends us.
	 */
	if (fd < 0 || fcntl(fd, F_SETSIG, SIGURG) < 0)
		return false;
	alone = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return alone;
}

static void remove_if_free(struct run *run, struct twin *twin)
{
	int scratch = scratch_of(run, twin->in_memory)->fd, fd;
	char name[NAME_SIZE];
	struct stat st;

	if (!twin->is_made || twin->is_kept || twin->is_recent) {
		twin->is_recent = false;
		return;
	}
	name_of(run, twin, name);
	fd = openat(scratch, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (nobody_has(fd) && fstat(fd, &st) == 0 && st.st_ino == twin->ino &&
	    unlinkat(scratch, name, 0) == 0) {
		nodes_forget(run, twin->dev, twin->ino);
		run->twins->bytes -= cost_of((uint64_t)twin->size);
		run->twins->removed++;
		take_out(run->twins, twin);
	}
	if (fd >= 0)
		close(fd);
}

/* False: all that were looked at are in use. */
static bool make_room(struct run *run, off_t bytes)
{
	const off_t tries = MOST_TRIES + bytes / PAGE;
	struct twins *twins = run->twins;

	for (off_t i = 0; i < tries && twins->bytes + bytes > MOST_BYTES; i++) {
		twins->hand = (twins->hand + 1) % (twins->count ? twins->count : 1);
		remove_if_free(run, &twins->list[twins->hand]);
	}
	return twins->bytes + bytes <= MOST_BYTES;
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
	uint64_t size = order->entry->size;

	if ((size > TWINS_LARGEST && run->twins->shares_nothing) ||
	    !make_room(run, cost_of(size)))
		return NULL;
	return add(run->twins, order->place, is_for_memory(run, order));
}

int twins_find(struct run *run, const struct twin_order *order,
	       struct twin_spot *ret_spot)
{
	struct twin *twin = whole(run, order);
	const struct scratch *scratch;
	char name[NAME_SIZE];

	ret_spot->is_there = twin;
	ret_spot->in_memory = false;
	if (!twin)
		twin = to_make(run, order);
	if (!twin)
		return -ENOSPC;
	twin->is_recent = ret_spot->is_there;
	scratch = scratch_of(run, twin->in_memory);
	ret_spot->in_memory = twin->in_memory;
	name_of(run, twin, name);
	if ((size_t)snprintf(ret_spot->path, sizeof(ret_spot->path), "%s/%s",
			     scratch->path, name) >= sizeof(ret_spot->path))
		return -ENAMETOOLONG;
	ret_spot->is_noexec = !ret_spot->is_there && is_noexec(scratch);
	if (!ret_spot->is_there)
		scratch_folder(scratch, 't');
	return 0;
}

void twins_share_nothing(struct run *run)
{
	run->twins->shares_nothing = true;
}

int twins_made(struct run *run, const struct twin_order *order,
	       const struct twin_spot *spot)
{
	struct twin *twin = known(run->twins, order->place, spot->in_memory);
	struct stat st;

	if (!twin || !look(run, twin, &st))
		return -ENOENT;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != order->entry->size)
		return -EBADMSG;
	if (!twin->is_made)
		run->twins->bytes += cost_of(order->entry->size);
	twin->is_made = true;
	twin->size = st.st_size;
	twin->dev = st.st_dev;
	twin->ino = st.st_ino;
	twin->written = st.st_mtim;
	nodes_learn(run, &st, NODE_OBJECT, order->place);
	return 0;
}

void twins_keep(struct run *run, const struct place *place)
{
	for (int in_memory = 0; in_memory < 2; in_memory++) {
		struct twin *twin = known(run->twins, place, in_memory);

		if (twin)
			twin->is_kept = true;
	}
}

uint64_t twins_removed(const struct run *run)
{
	return run->twins->removed;
}

bool twins_vanished(struct run *run, const struct place *place, int error)
{
	const struct twin *twin = known(run->twins, place, true);

	/* Hidden, or shut: where it is whole, somebody else cannot reach it. */
	if (twin && !run->twins->left_memory && is_whole(run, twin)) {
		run->twins->left_memory = true;
		return true;
	}
	if (error == -EACCES)
		return false;
	if (!twin)
		twin = known(run->twins, place, false);
	return twin && !is_whole(run, twin);
}
