/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --prefer-host: repositories that the host itself has mounted. */
#ifndef FIND_PREFERRING_H
#define FIND_PREFERRING_H

#include "find/call.h"

/* HOSTS: it is the host's, as long as the run lasts; NO: it is ours; UNKNOWN: a look at
 * it is under way (an automounter takes its time). */
enum walk_answer preferring_asks(struct call *call, const char *name, size_t len);

#endif
