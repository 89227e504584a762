/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Caches in which stubs open objects by their names: a repository's private one, and an
 * alien one whose objects are used where they are. A stub does not look at the way to
 * a cache; that of it, and of the private cache's directories, the tracer has seen that
 * nobody but a believed owner decides what is in them. At the directories of an alien
 * one stubs look themselves (stub/object.c): each costs a server a question. */
#ifndef RUN_STUBCACHES_H
#define RUN_STUBCACHES_H

#include "index/objectname.h"
#include "run/alien.h"
#include "run/openables.h"
#include "run/run.h"

enum { STUBCACHES_OF_MOUNT = 2, STUBCACHES_FOLDERS = 256 };

/* Its number is that of openables_base(). */
struct stubcache {
	uint64_t dev;
	bool is_foreign;			    /* others use its objects, too */
	uint32_t owners[ALIEN_OWNERS], owner_count; /* whose files count there */
	/* Bits of directories, by the first byte of a hash: those that were looked at
	 * here. */
	uint8_t folders[OBJECTNAME_KINDS][STUBCACHES_FOLDERS / 8];
	uint32_t kinds; /* bits of enum objectname_kind: all of its were looked at once
			 */
	char *known_as; /* as the kernel calls it; NULL: stubs open nothing there */
};

struct stubcaches *stubcaches_create(void);
void stubcaches_destroy(struct stubcaches *caches);

/* An object was found at a stop. True: a stub would have found it there, too. */
bool stubcaches_found(struct run *run, const struct object_found *found,
		      const struct place *place, const struct interpose_entry *entry);
/* A look at an object of an alien cache has found it good. */
void stubcaches_learn(struct run *run, const struct alien_look *look);
/* A directory of an alien cache was looked at. */
bool stubcaches_knows_folder(const struct run *run, const struct alien_look *look);

/* How often something was added. */
uint32_t stubcaches_version(const struct run *run);
const struct stubcache *stubcaches_at(const struct run *run, uint32_t number);
/* The caches of a mount, in the order in which they are looked through: numbers + 1;
 * 0: no more. */
const uint8_t *stubcaches_of(const struct run *run, uint32_t mount);

#endif
