/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sum that notices damage: zeroed, cut or mixed up bytes. It is no proof against
 * somebody who means harm. Freestanding. */
#ifndef INDEX_CHECKSUM_H
#define INDEX_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Of `size` bytes anywhere. */
uint64_t index_checksum(const void *data, size_t size);

#endif
