/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks only matter on an object that other nodes use, too (locks.c): before it opens
 * its first one a process installs a second filter, which all that come from it inherit
 * as they inherit the descriptor. */
#ifndef SYSCALLS_WATCHING_H
#define SYSCALLS_WATCHING_H

#include <stdbool.h>

#include "run/run.h"
#include "tracee/tracee.h"

/* True: the filter comes first, *ret_verdict is what to do, and the call at hand runs
 * again afterwards. */
bool watching_begins(const struct run *run, struct tracee *tracee,
		     enum verdict *ret_verdict);

#endif
