/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Index files in memory. A file whose bytes go away while it is mapped (cut, lost by
 * its server or its disk) would kill who reads it with SIGBUS; here it becomes an index
 * that is broken: zeros, and answers that say so. */
#ifndef INDEX_MAPPING_H
#define INDEX_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "index/lookup.h"

/* Takes SIGBUS over for this process, once. A thread that reads an index must not have
 * it blocked. One that somebody sends is of no interest. */
void mapping_guard(void);

/* Maps the whole file `fd` and checks all of it. 0; -EBADMSG: no index of this version,
 * or damaged; or another negative errno. */
int mapping_open(int fd, struct index_map *ret_map);
void mapping_close(struct index_map *map);
/* True once bytes of it were missed. */
bool mapping_is_broken(const struct index_map *map);
/* How many have broken in this process so far. */
uint32_t mapping_breaks(void);

#endif
