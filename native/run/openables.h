/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects that the run has opened, each of which stands for one place: what a stub may
 * open by itself, for it is told of them (fast/boards.c). */
#ifndef RUN_OPENABLES_H
#define RUN_OPENABLES_H

#include "path/walk.h"
#include "run/objects.h"

enum { OPENABLES_MOST = 2048, OPENABLES_BASES = 8, OPENABLE_NAME = 56 };

struct openable {
	struct place place;
	struct stat st;	 /* as it was found good */
	bool is_shared;	 /* others may write it: it is as long as it does not change */
	bool is_foreign; /* locks on it are seen by others, too */
	uint32_t base;	 /* which of openables_base() its name is below */
	char name[OPENABLE_NAME];
};

struct openables *openables_create(void);
void openables_destroy(struct openables *openables);

/* The object is the place's own. One whose path is too long, and what is too much, is
 * not noted; nor is one that is there already. */
void openables_note(struct run *run, const struct object_found *found,
		    const struct place *place);
/* What is in the list never changes. */
bool openables_has(const struct run *run, const struct place *place);
uint32_t openables_count(const struct run *run);
const struct openable *openables_at(const struct run *run, uint32_t number);
/* Number of a directory that objects are below; false: there is no room for it. */
bool openables_base_of(struct run *run, const char *path, size_t len,
		       uint32_t *ret_base);
/* A directory; NULL: there are not so many. */
const char *openables_base(const struct run *run, uint32_t number);
/* An object stands for another place than it did: nothing of the list is certain. */
void openables_doubt(struct run *run);
bool openables_doubted(const struct run *run);

#endif
