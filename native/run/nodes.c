/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/scratch.h"

enum { FIRST_SIZE = 256 };

struct skeleton {
	struct place place;
	uint32_t number; /* its name in SCRATCH/d, + 1; 0: free slot */
	mode_t mode;
};

struct nodes { /* two open-addressed tables, each at most half full */
	struct node *nodes;
	size_t size, used;
	struct skeleton *skeletons;
	size_t skeleton_size, skeleton_used;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t hash = (a ^ 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;

	hash = (hash ^ (hash >> 29) ^ b) * 0xc4ceb9fe1a85ec53ull;
	return hash ^ (hash >> 32);
}

struct nodes *nodes_create(void)
{
	struct nodes *nodes = calloc(1, sizeof(*nodes));

	if (!nodes)
		return NULL;
	nodes->size = nodes->skeleton_size = FIRST_SIZE;
	nodes->nodes = calloc(nodes->size, sizeof(*nodes->nodes));
	nodes->skeletons = calloc(nodes->skeleton_size, sizeof(*nodes->skeletons));
	if (!nodes->nodes || !nodes->skeletons) {
		nodes_destroy(nodes);
		return NULL;
	}
	return nodes;
}

void nodes_destroy(struct nodes *nodes)
{
	if (!nodes)
		return;
	free(nodes->nodes);
	free(nodes->skeletons);
	free(nodes);
}

static struct node *node_slot(struct node *table, size_t size, uint64_t dev,
			      uint64_t ino)
{
	size_t at = (size_t)mix(dev, ino) & (size - 1);

	while (table[at].kind && (table[at].dev != dev || table[at].ino != ino))
		at = (at + 1) & (size - 1);
	return &table[at];
}

static int node_grow(struct nodes *nodes)
{
	struct node *table = calloc(nodes->size * 2, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < nodes->size; i++) {
		const struct node *old = &nodes->nodes[i];

		if (old->kind)
			*node_slot(table, nodes->size * 2, old->dev, old->ino) = *old;
	}
	free(nodes->nodes);
	nodes->nodes = table;
	nodes->size *= 2;
	return 0;
}

void nodes_learn(struct run *run, const struct stat *st, enum node_kind kind,
		 const struct place *place)
{
	struct nodes *nodes = run->nodes;
	struct node *node;

	if (nodes->used * 2 >= nodes->size && node_grow(nodes) < 0)
		return; /* Then fstat shows the object's own numbers. */
	node = node_slot(nodes->nodes, nodes->size, st->st_dev, st->st_ino);
	if (!node->kind)
		nodes->used++;
	*node = (struct node){kind, st->st_dev, st->st_ino, st->st_mtim, *place};
}

const struct node *nodes_numbered(const struct run *run, uint64_t dev, uint64_t ino)
{
	const struct nodes *nodes = run->nodes;
	const struct node *node = node_slot(nodes->nodes, nodes->size, dev, ino);

	return node->kind ? node : NULL;
}

const struct node *nodes_find(const struct run *run, const struct stat *st)
{
	const struct node *node = nodes_numbered(run, st->st_dev, st->st_ino);

	/* Of all that is ours only a FIFO is ever written. */
	if (!node || (node->kind == NODE_SKELETON && S_ISFIFO(st->st_mode)))
		return node;
	return node->written.tv_sec == st->st_mtim.tv_sec &&
			       node->written.tv_nsec == st->st_mtim.tv_nsec
		       ? node
		       : NULL;
}

static struct skeleton *skeleton_slot(struct skeleton *table, size_t size,
				      const struct place *place)
{
	uint64_t key = ((uint64_t)place->mount << 32) | place->catalog;
	size_t at = (size_t)mix(key + (uint64_t)place->kind, place->entry) & (size - 1);

	while (table[at].number && !place_equal(&table[at].place, place))
		at = (at + 1) & (size - 1);
	return &table[at];
}

static int skeleton_grow(struct nodes *nodes)
{
	size_t size = nodes->skeleton_size * 2;
	struct skeleton *table = calloc(size, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < nodes->skeleton_size; i++) {
		const struct skeleton *old = &nodes->skeletons[i];

		if (old->number)
			*skeleton_slot(table, size, &old->place) = *old;
	}
	free(nodes->skeletons);
	nodes->skeletons = table;
	nodes->skeleton_size = size;
	return 0;
}

/* Makes the inode: a directory is empty and closed to writing, a device or socket is
 * shown by an empty file (it can be named and never used: the mount would be nodev). */
static int make(const char *path, const struct interpose_entry *entry,
		const char *target)
{
	int fd;

	if (!entry || S_ISDIR(entry->mode))
		return mkdir(path, 0555) < 0 || chmod(path, 0555) < 0 ? -errno : 0;
	if (S_ISLNK(entry->mode))
		return symlink(target && *target ? target : ".", path) < 0 ? -errno : 0;
	if (S_ISFIFO(entry->mode)) {
		if (mkfifo(path, 0600) < 0)
			return -errno;
		/* Whoever opens it was let in by us, with an owner of the catalog. */
		return chmod(path, 0666) < 0 ? -errno : 0;
	}
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* As it was made: a cleaner of old files, or the job itself, may have been there. */
static bool is_whole(const struct run *run, const struct skeleton *slot,
		     const char *path)
{
	const struct node *node;
	struct stat st;

	if (lstat(path, &st) < 0 || st.st_mode != slot->mode)
		return false;
	node = nodes_find(run, &st);
	return node && node->kind == NODE_SKELETON &&
	       place_equal(&node->place, &slot->place);
}

/* Room for a new one at `path`. */
static void clear_away(struct run *run, const char *path)
{
	scratch_mend(&run->scratch);
	if (unlink(path) < 0 && (errno == EISDIR || errno == EPERM))
		rmdir(path);
}

int nodes_skeleton(struct run *run, const struct place *place,
		   const struct interpose_entry *entry, const char *target,
		   char *ret_path, size_t size)
{
	struct nodes *nodes = run->nodes;
	char buffer[SCRATCH_OWN_SIZE];
	struct skeleton *slot;
	const char *own;
	struct stat st;
	int result;

	if (nodes->skeleton_used * 2 >= nodes->skeleton_size) {
		result = skeleton_grow(nodes);
		if (result < 0)
			return result;
	}
	slot = skeleton_slot(nodes->skeletons, nodes->skeleton_size, place);
	result = snprintf(ret_path, size, "%s/d/%u", run->scratch.path,
			  slot->number ? slot->number - 1
				       : (uint32_t)nodes->skeleton_used);
	if ((size_t)result >= size)
		return -ENAMETOOLONG;
	own = scratch_own(&run->scratch, ret_path, buffer);
	if (slot->number && is_whole(run, slot, own))
		return 0;
	if (slot->number)
		clear_away(run, own);
	result = make(own, entry, target);
	if (result < 0)
		return result;
	if (lstat(own, &st) < 0)
		return -errno;
	slot->place = *place;
	slot->mode = st.st_mode;
	if (!slot->number)
		slot->number = (uint32_t)++nodes->skeleton_used;
	nodes_learn(run, &st, NODE_SKELETON, place);
	return 0;
}

bool nodes_none(const struct run *run)
{
	return run->nodes->used == 0;
}
