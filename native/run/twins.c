/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/twins.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "run/nodes.h"
#include "run/scratch.h"
#include "run/twintable.h"

enum {
	MOST_BYTES = 64 << 20, /* of all */
	MOST_TRIES = 64,       /* to find one that nobody has, for each page */
	PAGE = 4096,
	INODE = 1024,	  /* what each one costs the kernel, about */
	SMALL = 64 << 10, /* of those in memory */
	NAME_SIZE = 64
};

/* ---- the files ---- */

static const struct scratch *scratch_of(const struct run *run, bool in_memory)
{
	return in_memory ? run->memory : &run->scratch;
}

static void name_of(const struct run *run, const struct twin *twin,
		    char name[NAME_SIZE])
{
	char prefix[TWINS_PREFIX_SIZE];

	twins_prefix(run, prefix);
	if (twin->is_inscribed)
		snprintf(name, NAME_SIZE, "%s%x-%x-%x", prefix, twin->text.mount,
			 twin->text.catalog, twin->text.entry);
	else
		snprintf(name, NAME_SIZE, "%s%u", prefix, twin->serial);
}

void twins_prefix(const struct run *run, char ret_prefix[TWINS_PREFIX_SIZE])
{
	snprintf(ret_prefix, TWINS_PREFIX_SIZE, "t/%016llx-",
		 (unsigned long long)run->twins->secret);
}

static void inscribe(const struct run *run, const struct twin *twin)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	char name[NAME_SIZE];

	if (!twin->is_inscribed)
		return;
	times[1] = inscription_write(&twin->text);
	name_of(run, twin, name);
	/* Without it no stub takes it for one. */
	utimensat(scratch_of(run, true)->fd, name, times, AT_SYMLINK_NOFOLLOW);
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
		twintable_take_out(run->twins, twin);
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
		twin = twintable_find(run->twins, order->place, true);
	if (twin && is_whole(run, twin))
		return twin;
	twin = twintable_find(run->twins, order->place, false);
	return twin && is_whole(run, twin) ? twin : NULL;
}

/* One that is to be made, or made again; NULL: there is no room. */
static struct twin *to_make(struct run *run, const struct twin_order *order)
{
	uint64_t size = order->entry->size;

	if ((size > TWINS_LARGEST && run->twins->shares_nothing) ||
	    !make_room(run, cost_of(size)))
		return NULL;
	return twintable_add(run, order->place, is_for_memory(run, order));
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
	struct twin *twin = twintable_find(run->twins, order->place, spot->in_memory);
	struct stat st;

	if (twin)
		inscribe(run, twin);
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

bool twins_stub_opens(const struct run *run, const struct place *place)
{
	const struct twin *twin = twintable_find(run->twins, place, true);

	return twin && twin->is_made && twin->is_inscribed && !run->twins->left_memory;
}

void twins_keep(struct run *run, const struct place *place)
{
	for (int in_memory = 0; in_memory < 2; in_memory++) {
		struct twin *twin = twintable_find(run->twins, place, in_memory);

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
	const struct twin *twin = twintable_find(run->twins, place, true);

	/* Hidden, or shut: where it is whole, somebody else cannot reach it. */
	if (twin && !run->twins->left_memory && is_whole(run, twin)) {
		run->twins->left_memory = true;
		return true;
	}
	if (error == -EACCES)
		return false;
	if (!twin)
		twin = twintable_find(run->twins, place, false);
	return twin && !is_whole(run, twin);
}
