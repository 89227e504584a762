/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the table of prefixes (path/prefix.h) and finds out where on the host its names
 * are. */
#ifndef RUN_PREFIXES_H
#define RUN_PREFIXES_H

#include "path/prefix.h"

/* With the first row alone. */
int prefixes_init(struct prefixes *prefixes);
/* DENY, ENOENT, LOCAL, a path, or NULL: what is there, with these modes. 0; -EINVAL:
 * one that is not absolute, or has ".." in it; -EOPNOTSUPP: another root; -ENOMEM. */
int prefixes_add(struct prefixes *prefixes, const char *path, const char *target,
		 unsigned int modes);
void prefixes_drop(struct prefixes *prefixes, size_t at);
/* settling.c. When all are there: later rows take the place of what earlier ones said
 * of the same names. 0 or -ENOMEM. */
int prefixes_settle(struct prefixes *prefixes);
void prefixes_deinit(struct prefixes *prefixes);

/* Modes as letters of rwxRWX; -1: they are others. */
int prefixes_modes(const char *letters);

#endif
