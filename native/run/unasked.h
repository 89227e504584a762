/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that stubs open without asking anybody: of catalogs from which enough has been
 * opened, each file whose content is the file's alone in this run, if its object is in
 * a cache that stubs may look in (run/stubcaches.h). The tracer does not hear of it:
 * when it meets such an object's inode later it knows it by its name. */
#ifndef RUN_UNASKED_H
#define RUN_UNASKED_H

#include <sys/stat.h>

#include "path/walk.h"
#include "run/objects.h"

struct unasked *unasked_create(void);
void unasked_destroy(struct unasked *unasked);

enum { UNASKED_BITS = 1 << 19 }; /* of all catalogs together */

/* A catalog from which stubs may open files. What is in the list never changes. */
struct unasked_catalog {
	uint32_t number; /* of mounts_opened(), + 1 */
	uint32_t mount, catalog;
	uint32_t first, count; /* of its entries' bits: the n-th entry's is first + n */
};

/* The place's object was opened at a stop: with enough of them the catalog is added. */
void unasked_opened(struct run *run, const struct object_found *found,
		    const struct place *place, const struct interpose_entry *entry);
uint32_t unasked_count(const struct run *run);
const struct unasked_catalog *unasked_at(const struct run *run, uint32_t number);
/* UNASKED_BITS of them: whether an entry is opened unasked. */
const uint8_t *unasked_bits(const struct run *run);
bool unasked_has(const struct run *run, const struct place *place);

/* May this be an object that a stub has opened? */
bool unasked_may_be(const struct run *run, uint64_t dev);
/* A file, and how the kernel calls it: as the links of /proc have it. */
struct unasked_file {
	uint64_t dev, ino;
	const char *name;
	size_t len;
};
/* The place that it is the object of; false: of none. */
bool unasked_place(const struct run *run, const struct unasked_file *file,
		   struct place *ret_place);

#endif
