/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the content of an entry is: looked up once in the private cache, else asked
 * for. */
#ifndef RUN_OBJECTS_H
#define RUN_OBJECTS_H

#include <sys/stat.h>

#include "path/walk.h"
#include "run/run.h"

struct objects *objects_create(void);
void objects_destroy(struct objects *objects);

struct object_found {
	const char
		*path; /* absolute, of a file with the content; until the next call */
	struct stat st;
	uint32_t question; /* that is under way */
	bool is_shared; /* perhaps outside of the private cache: others can change it */
	bool is_foreign; /* it is outside: a lock on it would be one of others, too */
};
/* YES: path and st. UNKNOWN: question. BROKEN: EIO. */
enum walk_answer objects_find(struct run *run, const struct place *place,
			      const struct interpose_entry *entry,
			      struct object_found *ret_found);
/* The kernel did not find something at the path it was given: true if it was the
 * object's own name that has gone. */
bool objects_vanished(struct run *run, const struct interpose_entry *entry);

/* This inode has the name of the place's object. */
bool objects_is_at(const struct run *run, const struct place *place, uint64_t dev,
		   uint64_t ino);

/* Others may use the same file: it is perhaps not in the private cache. */
bool objects_shared(struct run *run, const struct interpose_entry *entry);
/* No object of this run can be one. */
bool objects_none_shared(const struct run *run);

#endif
