/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For a process of root's job that has become somebody else: the private cache is
 * closed to it, as the official client's is; its view of /cvmfs is not. */
#ifndef GIVEN_LENDING_H
#define GIVEN_LENDING_H

#include "find/call.h"

/* Makes the object `path` reachable in the scratch: a second link where that is
 * possible, else a copy, noted as content of `place`. 0, LOOK_WAITS or a negative
 * errno. */
int lending_make(struct call *call, const char *path, const struct place *place,
		 char *ret_path, size_t size);

#endif
