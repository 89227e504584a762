/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories by descriptor, and whether only trusted owners decide what they hold. A
 * path is walked name by name, and what was opened is what is judged: nobody can
 * exchange it between a look and its use (docs/trust.md). */
#ifndef OWNED_WALK_H
#define OWNED_WALK_H

#include <stdbool.h>

#include "owned/lists.h"

/* Whether one of the owners owns what is open, and nobody else may write it, by its
 * lists, too. */
bool walk_alone_write(int fd, struct owners owners);

/* The directory at the absolute `path`, whose links are followed with care: a link
 * counts if an owner made it, or if only such can have put it there. Above the
 * directory itself others may write where they cannot exchange what others made (the
 * sticky bit). Then, from there on, as walk_below(). A descriptor of O_PATH or -errno:
 * EACCES for a link of others. */
int walk_to(const char *path, const char *names, struct owners owners,
	    bool *ret_is_guarded);

/* The directory at the end of plain names, "" or "a/b", below an open one; links are
 * not followed. `is_guarded` is that of the open one, and then of both. */
int walk_below(int directory, const char *names, struct owners owners,
	       bool *is_guarded);

#endif
