/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files are believed without a proof: those that nobody else can have changed. */
#ifndef RUN_BELIEVED_H
#define RUN_BELIEVED_H

#include <stdbool.h>
#include <sys/stat.h>

#include "run/run.h"

/* Everything of the run's own scratch, whatever it lies in; what nobody but us and root
 * can write, the directories above included. False for what is not there. */
bool believed(const struct scratch *scratch, const char *path);
/* Nobody but us and root can write it, by its owner and modes. */
bool believed_is_ours(const struct run *run, const struct stat *st);

#endif
