/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a walk in the stub can know: the repositories and catalogs on the board. Of all
 * else the answer is WALK_UNKNOWN. */
#ifndef STUB_WORLD_H
#define STUB_WORLD_H

#include "path/walk.h"
#include "shown/entry.h"
#include "stub/frame.h"

/* Fills it; no table of functions is in the stub, which has no address of its own. */
void world_fill(struct walk_world *ret_world);

const struct board *world_board(void);
/* The index that a place is in, mapped if need be; NULL: not known here. */
const struct index_map *world_index(const struct place *place);
/* Of a place that a walk has found. */
const struct board_mount *world_mount(const struct place *place);
/* Of its entry: is it opened unasked? */
bool world_unasked(const struct place *place);
uint64_t world_inode_base(const struct place *place);
uint64_t world_inode(const struct place *place, const struct interpose_entry *entry);

#endif
