/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which place a content belongs to in this run: the first one that is opened, or that
 * stubs may open unasked. Its object stands for that place alone (run/twins.h). */
#ifndef RUN_OWNERS_H
#define RUN_OWNERS_H

#include "path/walk.h"
#include "run/run.h"

struct owners *owners_create(void);
void owners_destroy(struct owners *owners);

enum owner {
	OWNER_PLACE,   /* the place itself, or another name of its file */
	OWNER_ANOTHER, /* it is a twin */
	OWNER_UNKNOWN  /* no memory */
};
/* Whose is the content of the entry, which has a digest? The place's, if it was
 * nobody's. */
enum owner owners_take(struct run *run, const struct place *place,
		       const struct interpose_entry *entry);
/* False: nobody's. Most of a digest is looked at. */
bool owners_find(const struct run *run, const uint8_t *digest, struct place *ret_place);

#endif
