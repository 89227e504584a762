/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of a directory below /cvmfs, in order, from any position. */
#ifndef SYSCALLS_LISTING_H
#define SYSCALLS_LISTING_H

#include "find/target.h"
#include "shown/list.h"

struct listing {
	struct target *target;
	struct shown_list list;
	const char
		*top; /* names below /cvmfs, each + '\n', as many as one answer holds */
	uint64_t top_first; /* position of the first of them */
};

/* WALK_UNKNOWN: target->call.question must be answered first. */
enum walk_answer listing_start(struct listing *listing, struct target *target,
			       uint64_t position);
bool listing_next(struct listing *listing, struct dirent_item *ret_item);

#endif
