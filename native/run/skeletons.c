/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/skeletons.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "run/inscription.h"
#include "run/mounts.h"
#include "run/nodes.h"
#include "run/scratch.h"
#include "run/table.h"

/* One costs the kernel about 1 KiB: 64 MiB. */
enum { MOST_IN_MEMORY = 65536, NAME_SIZE = 16 };

struct skeleton {
	struct place place;
	uint32_t number; /* its name in the folder d, + 1; 0: free slot */
	mode_t mode;
	bool in_memory;
};

struct skeletons {
	struct table table;
	size_t in_memory, most_in_memory;
	bool has_measured; /* the second of these */
	bool left_memory;
};

static uint64_t hash_of(const void *slot)
{
	const struct skeleton *skeleton = slot;
	const struct place *place = &skeleton->place;
	uint64_t key = ((uint64_t)place->mount << 32) | place->catalog;
	uint64_t hash = (key + (uint64_t)place->kind * 2 + skeleton->in_memory) ^
			(uint64_t)place->entry << 20;

	hash = (hash ^ 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
	hash = (hash ^ hash >> 29) * 0xc4ceb9fe1a85ec53ull;
	return hash ^ hash >> 32;
}

static bool is_free(const void *slot)
{
	return !((const struct skeleton *)slot)->number;
}

static bool is_same(const void *slot, const void *other)
{
	const struct skeleton *one = slot, *two = other;

	return one->in_memory == two->in_memory &&
	       place_equal(&one->place, &two->place);
}

static const struct table_kind kind = {sizeof(struct skeleton), hash_of, is_free,
				       is_same};

struct skeletons *skeletons_create(void)
{
	struct skeletons *skeletons = calloc(1, sizeof(*skeletons));

	if (skeletons && table_init(&skeletons->table, &kind) < 0) {
		free(skeletons);
		return NULL;
	}
	return skeletons;
}

void skeletons_destroy(struct skeletons *skeletons)
{
	if (!skeletons)
		return;
	table_deinit(&skeletons->table);
	free(skeletons);
}

/* ---- the second scratch ---- */

/* A file system that others use, too, is never filled. */
static size_t most_in(const struct scratch *memory)
{
	struct statfs st;

	if (fstatfs(memory->fd, &st) < 0)
		return 0;
	if (st.f_files == 0 || st.f_ffree / 2 > MOST_IN_MEMORY)
		return MOST_IN_MEMORY;
	return (size_t)st.f_ffree / 2;
}

/* True if what is made next is made in memory. */
static bool has_memory(struct run *run)
{
	struct skeletons *skeletons = run->skeletons;

	if (skeletons->left_memory || !scratch_memory(run))
		return false;
	if (!skeletons->has_measured)
		skeletons->most_in_memory = most_in(run->memory);
	skeletons->has_measured = true;
	return skeletons->in_memory < skeletons->most_in_memory;
}

bool skeletons_leave_memory(struct run *run)
{
	bool leaves = run->skeletons->in_memory && !run->skeletons->left_memory;

	run->skeletons->left_memory = true;
	return leaves;
}

/* ---- one skeleton ---- */

struct where {
	const struct scratch *scratch;
	char name[NAME_SIZE]; /* "d/N" */
};

static struct where where_of(const struct run *run, const struct skeleton *slot)
{
	struct where where = {slot->in_memory ? run->memory : &run->scratch, ""};

	snprintf(where.name, sizeof(where.name), "d/%u", slot->number - 1);
	return where;
}

/* A directory is empty and closed to writing, a device or socket is shown by an empty
 * file (it can be named and never used: the mount would be nodev). */
static int make_inode(const struct where *where, const struct skeleton_order *order)
{
	const struct interpose_entry *entry = order->entry;
	const char *target = order->target;
	int at = where->scratch->fd, fd;

	if (!entry || S_ISDIR(entry->mode))
		return mkdirat(at, where->name, 0555) < 0 ? -errno : 0;
	if (S_ISLNK(entry->mode))
		return symlinkat(target && *target ? target : ".", at, where->name) < 0
			       ? -errno
			       : 0;
	if (S_ISFIFO(entry->mode))
		return mkfifoat(at, where->name, 0666) < 0 ? -errno : 0;
	fd = openat(at, where->name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Its mode where the umask has taken something away, or a group was inherited. Whoever
 * opens a FIFO was let in by us, with an owner of the catalog. */
static int finish_inode(const struct where *where, struct stat *ret_stat)
{
	const int at = where->scratch->fd;
	mode_t mode;

	if (fstatat(at, where->name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	mode = S_ISDIR(ret_stat->st_mode) ? 0555 : 0666;
	if ((!S_ISDIR(ret_stat->st_mode) && !S_ISFIFO(ret_stat->st_mode)) ||
	    (ret_stat->st_mode & 07777) == mode)
		return 0;
	if (fchmodat(at, where->name, mode, 0) < 0 ||
	    fstatat(at, where->name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* Room for a new one there. */
static void clear_away(const struct where *where)
{
	const int at = where->scratch->fd;

	scratch_mend(where->scratch, *where->name);
	if (unlinkat(at, where->name, 0) < 0 && (errno == EISDIR || errno == EPERM))
		unlinkat(at, where->name, AT_REMOVEDIR);
}

/* As it was made: a cleaner of old files, or the job itself, may have been there. */
static bool is_whole(const struct run *run, const struct skeleton *slot)
{
	const struct where where = where_of(run, slot);
	const struct node *node;
	struct stat st;

	if (fstatat(where.scratch->fd, where.name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_mode != slot->mode)
		return false;
	node = nodes_find(run, &st);
	return node && node->kind == NODE_SKELETON &&
	       place_equal(&node->place, &slot->place);
}

/* The slot of a whole one, or NULL. */
static struct skeleton *find(const struct run *run, const struct place *place,
			     bool in_memory)
{
	const struct skeleton key = {.place = *place, .in_memory = in_memory};
	struct skeleton *slot = table_find(&run->skeletons->table, &key);

	return slot && is_whole(run, slot) ? slot : NULL;
}

/* What a directory says of itself (inscription.h). A file system that cannot keep such
 * a time has skeletons that say nothing. */
static int inscribe(const struct run *run, const struct where *where,
		    const struct place *place, struct stat *ret_stat)
{
	struct inscription text = {.run = run->number, .mount = place->mount};
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	const int at = where->scratch->fd;

	text.entry = place->entry;
	if (!S_ISDIR(ret_stat->st_mode) ||
	    !mounts_number(run->mounts, place, &text.catalog) ||
	    !inscription_fits(&text))
		return 0;
	times[1] = inscription_write(&text);
	if (utimensat(at, where->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return fstatat(at, where->name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int make(struct run *run, const struct skeleton_order *order, bool in_memory,
		struct skeleton **ret_slot)
{
	struct skeletons *skeletons = run->skeletons;
	struct skeleton wanted = {.place = *order->place, .in_memory = in_memory};
	struct skeleton *slot = table_find(&skeletons->table, &wanted);
	const bool is_known = slot;
	struct where where;
	struct stat st;
	int result;

	wanted.number = slot ? slot->number : (uint32_t)skeletons->table.used + 1;
	where = where_of(run, &wanted);
	if (is_known)
		clear_away(&where);
	result = make_inode(&where, order);
	/* The folder is gone or shut, or somebody has taken the name. */
	if (result == -ENOENT || result == -EACCES || result == -EEXIST) {
		clear_away(&where);
		result = make_inode(&where, order);
	}
	if (result == 0)
		result = finish_inode(&where, &st);
	if (result == 0)
		result = inscribe(run, &where, order->place, &st);
	if (result < 0)
		return result;
	wanted.mode = st.st_mode;
	slot = table_take(&skeletons->table, &wanted);
	if (!slot)
		return -ENOMEM;
	skeletons->in_memory += in_memory && !is_known;
	*slot = wanted;
	nodes_learn(run, &st, NODE_SKELETON, order->place);
	*ret_slot = slot;
	return 0;
}

static int path_of(const struct run *run, const struct skeleton *slot, char *ret_path,
		   size_t size)
{
	const struct where where = where_of(run, slot);

	if ((size_t)snprintf(ret_path, size, "%s/%s", where.scratch->path,
			     where.name) >= size)
		return -ENAMETOOLONG;
	return 0;
}

int skeletons_path(struct run *run, const struct skeleton_order *order, char *ret_path,
		   size_t size)
{
	/* A FIFO is one for all processes of the run, and sees bytes. */
	bool in_memory = !order->in_scratch && !run->skeletons->left_memory &&
			 (!order->entry || S_ISDIR(order->entry->mode));
	struct skeleton *slot = in_memory ? find(run, order->place, true) : NULL;
	int result;

	if (!slot)
		slot = find(run, order->place, false);
	if (!slot && in_memory && has_memory(run) && make(run, order, true, &slot) < 0)
		/* Full, or taken away from us: what is there serves on. */
		run->skeletons->most_in_memory = run->skeletons->in_memory;
	if (!slot) {
		result = make(run, order, false, &slot);
		if (result < 0)
			return result;
	}
	return path_of(run, slot, ret_path, size);
}
