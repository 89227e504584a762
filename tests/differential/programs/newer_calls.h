/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the C library's headers may not have yet. */
#ifndef NEWER_CALLS_H
#define NEWER_CALLS_H

#include <stdint.h>

#include "arch/numbers.h"

#define NR_SETXATTRAT 463
#define NR_REMOVEXATTRAT 466
#define NR_FILE_SETATTR 469

struct xattr_arguments {
	uint64_t value;
	uint32_t size, flags;
};

#endif
