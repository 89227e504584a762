/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BUNDLE_UNPACK_H
#define BUNDLE_UNPACK_H

#include "bundle/packed.h"

/* Writes all files of the archive, and its manifest, into the open empty directory;
 * each one is sealed (owned/seal.h). Needs a umask that keeps the user's own bits. 0;
 * -EBADMSG: the archive is damaged; another negative errno. */
int unpack_into(struct packed *packed, int directory);

#endif
