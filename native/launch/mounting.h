/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --mount: rows of the table of prefixes, and files of them. */
#ifndef LAUNCH_MOUNTING_H
#define LAUNCH_MOUNTING_H

#include "launch/messages.h"
#include "launch/options.h"
#include "path/prefix.h"

/* Rows "A=B", and "@FILE": a mountlist as Parrot has it. 0, or the status after a line.
 */
int mounting_fill(const struct messages *messages, const struct options *options,
		  struct prefixes *ret_prefixes);

#endif
