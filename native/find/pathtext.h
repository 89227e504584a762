/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the text of a path says before anybody looks at the file system. */
#ifndef FIND_PATHTEXT_H
#define FIND_PATHTEXT_H

#include <stdbool.h>

/* Behind what stays in the same directory: "/" and "./". */
const char *pathtext_skip_here(const char *path);
bool pathtext_has_dot_dot(const char *path);
/* From the root: /proc, and the links into it that /dev has. They mean the tracee's
 * own.
 */
bool pathtext_names_descriptors(const char *path);

#endif
