/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether somebody else could change what a path leads to (docs/trust.md). */
#ifndef OWNED_OWNED_H
#define OWNED_OWNED_H

#include <stddef.h>
#include <stdint.h>

#include "interpose.h"

/* Goes from / to the end of the absolute `path`, links included. Each directory of the
 * way must belong to us or to root, and nobody else may write it (a sticky one may be
 * written: what is in it is its owner's). What is at the end must belong to us, and
 * nobody else may write it, sticky or not. Access lists need no look of their own:
 * whatever they grant is within the group's bits of the mode. An enum interpose_owned;
 * ret_where: the place that decided. */
int owned_check(const char *path, char *ret_where, size_t size);

#endif
