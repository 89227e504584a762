/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the object of an entry is called, and which mode it has. Freestanding. */
#ifndef INDEX_OBJECTNAME_H
#define INDEX_OBJECTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interpose.h"

enum { OBJECTNAME_SIZE = 80 };

/* How content lies in a cache: each has a place of its own there, for one digest can
 * name two contents (interpose/cache/private.py). */
enum objectname_kind {
	OBJECTNAME_PACKED, /* the official client's */
	OBJECTNAME_RAW,
	OBJECTNAME_ASSEMBLED, /* of chunks */
	OBJECTNAME_ASSEMBLED_RAW,
	OBJECTNAME_KINDS
};
enum objectname_kind objectname_kind(const struct interpose_entry *entry);
/* Where, below a cache: "", or a path that ends with a slash. */
const char *objectname_place(enum objectname_kind kind);
/* Below the private cache (docs/cache.md); its length. The entry has a digest. */
size_t objectname_write(const struct interpose_entry *entry,
			char ret_name[OBJECTNAME_SIZE]);
/* Permissions that the resolver gives it. */
bool objectname_has_mode(const struct interpose_entry *entry, uint32_t mode);
/* Whether `path` ends with this name, as a whole. */
bool objectname_ends(const struct interpose_entry *entry, const char *path, size_t len);
/* The digest that the end of `path` names, whatever it is below. */
bool objectname_digest(const char *path, size_t len,
		       uint8_t ret_digest[INTERPOSE_DIGEST_SIZE]);

/* So many bytes of a file tell whether it may be packed content as it came: what is
 * stored raw has the same name in a cache of others (interpose_may_be_stream()). */
enum { OBJECTNAME_HEAD = 2 };

#endif
