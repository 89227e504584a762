/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real inodes that stand for places: the skeleton in the scratch (directories, links,
 * FIFOs), and the objects that were opened. (device, inode) -> place. */
#ifndef RUN_NODES_H
#define RUN_NODES_H

#include "path/walk.h"
#include "run/run.h"

struct nodes *nodes_create(void);
void nodes_destroy(struct nodes *nodes);

enum node_kind { NODE_SKELETON = 1, NODE_OBJECT = 2, NODE_SNAPSHOT = 3 };

struct node {
	enum node_kind kind;
	uint64_t dev, ino;
	struct place place;
};

/* Path of the skeleton's inode for `place`, made on first use; `entry` is NULL for
 * PLACE_TOP. `target` is a link's expanded target. 0 or a negative errno. */
int nodes_skeleton(struct run *run, const struct place *place,
		   const struct interpose_entry *entry, const char *target,
		   char *ret_path, size_t size);
/* Notes that this inode carries the content of `place` (the last one wins). */
void nodes_learn(struct run *run, uint64_t dev, uint64_t ino, enum node_kind kind,
		 const struct place *place);
/* The inode has become a snapshot's: what was known of it no longer holds. Nothing is
 * noted, or each opening of /proc/self/maps would stay in memory. */
void nodes_forget(struct run *run, uint64_t dev, uint64_t ino);
/* NULL: not one of ours. */
const struct node *nodes_find(const struct run *run, uint64_t dev, uint64_t ino);

#endif
