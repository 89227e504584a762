/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A name below /cvmfs, answered from the index files that the board names. */
#ifndef STUB_CVMFS_H
#define STUB_CVMFS_H

#include "path/walk.h"
#include "stub/request.h"

/* The rest of an absolute path that begins with the repositories' place, from the slash
 * behind that; NULL: it does not, or there is no rest. */
const char *cvmfs_rest(const char *path);
/* `rest` leads on from `start`. */
enum stub_verdict cvmfs_answer(struct stub_frame *frame, const struct request *request,
			       const struct place *start, const char *rest);

/* fstat(2) and the like, of a descriptor that stands for `place`. */
enum stub_verdict cvmfs_show(struct stub_frame *frame, const struct request *request,
			     const struct place *place);

#endif
