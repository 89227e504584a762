/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins: files of equal content share an object, and an inode stands for one place. The
 * first of them that is opened in a run is the object itself; each further one gets a
 * copy, whose inode is its own (docs/decisions/0022). Here is where copies are and how
 * much room they take; given/twin.c makes them. */
#ifndef RUN_TWINS_H
#define RUN_TWINS_H

#include <sys/stat.h>

#include "path/walk.h"
#include "run/run.h"

struct twins *twins_create(void);
void twins_destroy(struct twins *twins);

/* Only so many bytes are copied, of files no larger than this. */
enum { TWINS_LARGEST = 16 << 20 };

struct twin_order {
	const struct place *place;
	const struct interpose_entry *entry;
	bool in_scratch; /* who wants it sees other mounts than we, perhaps */
};
/* Stubs open copies in memory by themselves: what their names begin with, below the
 * second scratch; the rest says the place, as copies' times do (run/inscription.h). */
enum { TWINS_PREFIX_SIZE = 24 };
void twins_prefix(const struct run *run, char ret_prefix[TWINS_PREFIX_SIZE]);
/* There is such a copy. */
bool twins_stub_opens(const struct run *run, const struct place *place);
/* Where a copy is, or is to be made. */
struct twin_spot {
	bool is_there, in_memory;
	bool is_noexec; /* no program can be made there */
	char path[4096];
};
/* 0 or a negative errno. Copies that nobody has open make room for it; -ENOSPC: too
 * many are in use. */
int twins_find(struct run *run, const struct twin_order *order,
	       struct twin_spot *ret_spot);
/* It has been made: from now on its inode stands for the place. 0 or a negative errno.
 */
int twins_made(struct run *run, const struct twin_order *order,
	       const struct twin_spot *spot);
/* Somebody gets it in a way that the kernel does not count (O_PATH, a watch). */
void twins_keep(struct run *run, const struct place *place);
/* A large one had to be copied: none will be tried again. */
void twins_share_nothing(struct run *run);
/* Differs after each that had to make room. */
uint64_t twins_removed(const struct run *run);
/* The kernel said `error` for the path of the place's copy. True: it is to be found
 * again. */
bool twins_vanished(struct run *run, const struct place *place, int error);

#endif
