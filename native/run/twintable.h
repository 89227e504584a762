/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copies of a run, by place. */
#ifndef RUN_TWINTABLE_H
#define RUN_TWINTABLE_H

#include <sys/types.h>
#include <time.h>

#include "path/walk.h"
#include "run/inscription.h"
#include "run/run.h"

enum { TWINTABLE_BUCKETS = 4096 };

/* A copy, or one to be; in a list by number. */
struct twin {
	struct place place;
	uint32_t next;	 /* of its bucket, or of the free ones: number + 1 */
	uint32_t serial; /* its name ends with it: never one that was another's */
	/* Or with the place, which its time says, too: in memory, if that can be. */
	bool is_inscribed;
	struct inscription text;
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
	uint32_t heads[TWINTABLE_BUCKETS], free; /* number + 1 */
	uint32_t hand; /* where the next one to be removed is looked for */
	uint32_t last_serial;
	uint64_t removed; /* how many so far */
	off_t bytes;	  /* of all that are there */
	bool left_memory;
	bool shares_nothing; /* no file can have the blocks of another */
};

/* NULL: there is none. */
struct twin *twintable_find(struct twins *twins, const struct place *place,
			    bool in_memory);
/* The one that is there, or a new one; NULL: no memory. */
struct twin *twintable_add(const struct run *run, const struct place *place,
			   bool in_memory);
void twintable_take_out(struct twins *twins, struct twin *twin);

#endif
