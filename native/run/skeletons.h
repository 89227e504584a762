/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Skeletons: empty inodes of our own that stand for directories, links and FIFOs of
 * /cvmfs. They lie in the scratch, and directories in memory where there is room for
 * them (docs/decisions/0020). */
#ifndef RUN_SKELETONS_H
#define RUN_SKELETONS_H

#include "path/walk.h"
#include "run/run.h"

struct skeletons *skeletons_create(void);
void skeletons_destroy(struct skeletons *skeletons);

struct skeleton_order {
	const struct place *place;
	const struct interpose_entry *entry; /* NULL: of PLACE_TOP */
	const char *target;		     /* of a link, expanded */
	bool in_scratch; /* who wants it sees other mounts than we, perhaps */
};
/* Path of the skeleton, made on first use and when somebody has taken it away. 0 or a
 * negative errno. */
int skeletons_path(struct run *run, const struct skeleton_order *order, char *ret_path,
		   size_t size);
/* Somebody cannot reach those in memory: from now on all are in the scratch. False:
 * they are so already. */
bool skeletons_leave_memory(struct run *run);

#endif
