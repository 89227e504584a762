/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real file that stands for an entry: the object of a regular file, else the
 * skeleton. */
#ifndef GIVEN_CONTENT_H
#define GIVEN_CONTENT_H

#include "find/target.h"

/* The path to give to the kernel instead of a TARGET_OURS; or false and the verdict (a
 * question, EIO). */
bool content_path(struct target *target, char *buffer, size_t size,
		  enum verdict *ret_verdict);
/* The kernel answered ENOENT, ESTALE or EACCES for what we pointed it to: it is gone,
 * or hidden from the tracee. Then it is found elsewhere, and the call runs again, a few
 * times. False: it did not come from that. */
bool content_vanished(struct run *run, struct tracee *tracee, int64_t result,
		      enum verdict *ret_verdict);
/* Remembers in the stop which place a redirected call is about. */
void content_note(const struct run *run, struct tracee *tracee,
		  const struct place *place);
/* Ends such a call. */
enum verdict content_leave(struct run *run, struct tracee *tracee);

#endif
