/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real inodes that stand for places: skeletons (skeletons.h) and the objects that were
 * opened. (device, inode) -> place. */
#ifndef RUN_NODES_H
#define RUN_NODES_H

#include <sys/stat.h>

#include "path/walk.h"
#include "run/run.h"

struct nodes *nodes_create(void);
void nodes_destroy(struct nodes *nodes);

enum node_kind { NODE_SKELETON = 1, NODE_OBJECT = 2 };

struct node {
	enum node_kind kind;
	uint64_t dev, ino;
	struct timespec written; /* another file has the number of a removed one */
	struct place place;
};

/* Notes that this inode stands for `place` (the last one wins: run/twins.h). */
void nodes_learn(const struct run *run, const struct stat *st, enum node_kind kind,
		 const struct place *place);
/* It stands for nothing any more. */
void nodes_forget(struct run *run, uint64_t dev, uint64_t ino);
/* On which file systems objects lie. */
struct node_devices {
	uint64_t changes; /* differs after each change */
	size_t count;	  /* of all; the list has the first ones */
	struct {
		uint64_t dev;
		bool writable; /* some have a mode that lets somebody write */
	} list[8];
};
const struct node_devices *nodes_devices(const struct run *run);
/* Nothing of this run is one of ours yet. */
bool nodes_none(const struct run *run);
/* NULL: not one of ours. */
const struct node *nodes_find(const struct run *run, const struct stat *st);
/* The same where no more than the number is known: perhaps of a former one of ours. */
const struct node *nodes_numbered(const struct run *run, uint64_t dev, uint64_t ino);

#endif
