/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of files in the scratch, made by an errand. */
#ifndef GIVEN_COPY_H
#define GIVEN_COPY_H

#include "find/call.h"

/* Changes the copy, which has `size` bytes so far; 0 or a negative errno. */
typedef int (*copy_change)(int copy, size_t size, const char *text);

/* `path` is the file of `source`, or a copy of what that is now. */
bool copy_is_fresh(const char *path, const struct stat *source);
/* The content of `fd` as the read-only, executable file `to`, which appears when it is
 * whole, with the time of its last change as that of writing; `change` (NULL: none) is
 * called with `text` first. 0, LOOK_WAITS or a negative errno. */
int copy_make(struct call *call, int fd, const char *to, copy_change change,
	      const char *text);

#endif
