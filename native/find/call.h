/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call at hand, as a walk for it wants to know: whose it is, with which rights, and
 * what has to be asked first. */
#ifndef FIND_CALL_H
#define FIND_CALL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "path/walk.h"
#include "run/run.h"
#include "shown/credentials.h"
#include "tracee/tracee.h"

/* Context of a walk; `question` is set when something was UNKNOWN. */
struct call {
	struct run *run;
	struct tracee *tracee;
	uint32_t question;
	enum whose whose;
};

/* The world of a walk for this call. */
struct walk_world call_world(struct call *call);
/* Says why the walk ended with EIO, if nobody else has. */
void call_tell_damage(const struct call *call, const struct walk *walk);

/* How far the node keeps "symlinks", "regular" files or "fifos" of others in a shared
 * directory from a caller: 0, 1 or 2. */
int call_protection(const char *of);

#endif
