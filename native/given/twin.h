/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file whose object stands for another file of equal content already gets a copy, and
 * with it an inode of its own. */
#ifndef GIVEN_TWIN_H
#define GIVEN_TWIN_H

#include "find/target.h"

/* Whether the object `path` is no longer what `target` can be given: then 0 and the
 * copy's path, LOOK_WAITS, or a negative errno: there is none, and the
 * object has to do. 1: the object is the file itself. */
int twin_of_object(struct target *target, const char *path, char *ret_path,
		   size_t size);

#endif
