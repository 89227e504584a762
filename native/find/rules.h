/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rows of the table of prefixes let be done (DENY, ENOENT, modes), where a walk
 * begins and where it ends. Asked only if there are such rows. */
#ifndef FIND_RULES_H
#define FIND_RULES_H

#include "find/host.h"

/* Of the directory that a relative path begins in. False: target is what comes of it.
 */
bool rules_begin(struct target *target, int dirfd, const char *path);
/* Of the host's directory reached by "..". */
enum step rules_here(struct host *host);
/* Of what the walk has ended in. */
void rules_end(struct target *target, unsigned int flags);

#endif
