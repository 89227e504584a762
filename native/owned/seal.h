/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time of modification of an object that we stored carries a seal of its second and
 * of the size. Whoever writes the file, or cuts it, or loses a part of it with the
 * power, breaks the seal: then the object is proven again before it is used. */
#ifndef OWNED_SEAL_H
#define OWNED_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "interpose.h"

/* True also where the file system keeps whole seconds only. */
bool seal_holds(const struct stat *st);

#endif
