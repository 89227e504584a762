/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a call of the job answers EIO when the resolver has not said so: one line each.
 */
#ifndef RUN_BROKEN_H
#define RUN_BROKEN_H

#include "run/run.h"

enum broken {
	BROKEN_SCRATCH,	 /* something that a job is shown cannot be made there */
	BROKEN_INDEX,	 /* an index file that does not hold what it should */
	BROKEN_OBJECT,	 /* a file of a cache that is not what was promised */
	BROKEN_MOUNT,	 /* the resolver's record of a repository */
	BROKEN_CONTENT,	 /* a regular file to which the catalog gives no content */
	BROKEN_RESOLVER, /* it died over a question, and its successor too */
	BROKEN_MEMORY,	 /* none left, or a question that is too long */
	BROKEN_COUNT
};
_Static_assert((int)BROKEN_COUNT <= (int)SAID_COVERED, "bits of run->said");

/* Says it, once for each kind in a run. `where`: what it is about; `error`: a negative
 * errno, 0 if none says more. */
void broken_tell(struct run *run, enum broken kind, const char *where, int error);
/* The same for what channel_ask() gave, where no resolver was started that says it. */
void broken_question(struct run *run, int error);

#endif
