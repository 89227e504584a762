/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that only matter for a descriptor of ours (dup, locks) stop in processes that
 * have had one: before its first file of /cvmfs is opened a process installs a second
 * filter, which all that come from it inherit as they inherit the descriptor. */
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
