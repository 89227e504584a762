/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacked runtimes: DIRECTORY/runtime/KEY. */
#ifndef BUNDLE_RUNTIME_H
#define BUNDLE_RUNTIME_H

#include <limits.h>
#include <stdbool.h>

#include "bundle/packed.h"

enum { RUNTIME_PATH_SIZE = PATH_MAX + 64 };

/* The runtime of `packed` below `base`, made if it is not there or not whole; also
 * removes versions there that nobody has used for long. `is_shared`: others of this
 * user know the place, too, so whose it is is looked at (docs/trust.md). 0; -EACCES:
 * nothing can be executed there; -EPERM: others could change it; -EINVAL: its name
 * cannot be used; -EBADMSG: what is packed is damaged; another negative errno. */
int runtime_find(const struct packed *packed, const char *base, bool is_shared,
		 char ret_path[RUNTIME_PATH_SIZE]);

#endif
