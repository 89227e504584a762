/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An alien cache (docs/trust.md): which of its objects are used where they are without
 * a question. As interpose/repository/foreign.py decides it (Standing.IN_PLACE); what
 * is not certain here is the resolver's. */
#ifndef RUN_ALIEN_H
#define RUN_ALIEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "index/objectname.h"
#include "run/run.h"

enum { ALIEN_OWNERS = 8, ALIEN_PATH = 4096 };

/* One look, which may last: a thread can make it, so it has all that it needs. */
struct alien_look {
	struct interpose_entry entry; /* of it digest, size, flags, algorithm */
	uint8_t digest[INTERPOSE_DIGEST_SIZE];
	uint32_t mount;
	char top[ALIEN_PATH], name[OBJECTNAME_SIZE]; /* the object is TOP/NAME */
	/* There if it was found that a file of this name is not what that says. */
	char disproof[ALIEN_PATH + 2 * OBJECTNAME_SIZE];
	uint32_t owners[ALIEN_OWNERS]; /* users whose files are believed */
	uint32_t owner_count;
	bool knows_folder; /* such an owner alone decides what is in it */
	/* What was found: the file; and unless `knows_folder`, of its directory */
	struct stat st;
	bool folder_is_guarded, has_lists; /* files can have access control lists */
	uint64_t dev;
	char known_as[ALIEN_PATH]; /* as the kernel calls `top` */
};

/* NULL: the mount has no such cache, the entry's content would not be there, or there
 * is no memory. For free(). */
struct alien_look *alien_look_create(const struct run *run, uint32_t mount,
				     const struct interpose_entry *entry);
/* 0: the object may be used where it is; a negative errno. `look` is a struct
 * alien_look, `over` as an errand has it. */
int alien_look_do(void *look, const atomic_bool *over);
/* Does a stub find the same out by the file's descriptor alone (stub/object.c)? */
bool alien_suits_stubs(const struct alien_look *look);

#endif
