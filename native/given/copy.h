/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of files in the scratch, as a rule made by an errand. */
#ifndef GIVEN_COPY_H
#define GIVEN_COPY_H

#include "find/call.h"

/* Changes the copy, which has `size` bytes so far; 0 or a negative errno. */
typedef int (*copy_change)(int copy, size_t size, const char *text);

/* `path` is the file of `source`, or a copy of what that is now. */
bool copy_is_fresh(const char *path, const struct stat *source);
struct copy_order {
	int fd; /* of the file, for reading or O_PATH */
	const char *to;
	copy_change change; /* NULL: none */
	const char *text;   /* for it; NULL: "" */
	off_t most;	    /* bytes that may be copied, not shared; 0: all */
};
/* The content of a file as the read-only, executable file `to`, which appears when it
 * is whole, with the time of the last change as that of writing. 0, LOOK_WAITS or a
 * negative errno. */
int copy_make(struct call *call, const struct copy_order *order);
/* The same at once, for a small file that lies on this node. */
int copy_at_once(const struct copy_order *order);

#endif
