/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/broken.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run/mounts.h"

static const struct {
	const char *what, *advice;
} broken_rows[BROKEN_COUNT] = {
	[BROKEN_SCRATCH] = {"cannot write the scratch", "make room, or see --scratch"},
	[BROKEN_INDEX] = {"a catalog's index file is damaged or gone",
			  "the next job makes it anew; see --cache"},
	[BROKEN_OBJECT] = {"a file of the cache is gone or changed",
			   "something else writes there; see --cache"},
	[BROKEN_MOUNT] = {"the record of a repository cannot be used",
			  "something removes files of the cache or the scratch"},
	[BROKEN_CONTENT] = {"the catalog gives no content to a file",
			    "tell its publisher"},
	[BROKEN_RESOLVER] = {"the resolver ended twice over the same question",
			     "does the node run out of memory? -vv tells more"},
	[BROKEN_MEMORY] = {"a question cannot be asked", "see ulimit -v"},
};

void broken_tell(struct run *run, enum broken kind, const char *where, int error)
{
	char text[4096 + 512];

	if (!run->say || run_has_said(run, kind))
		return;
	/* One that has just broken is mended, and the call is decided again. */
	if (kind == BROKEN_INDEX && !mounts_are_whole(run->mounts))
		return;
	snprintf(text, sizeof(text), "%s: %.4000s%s%s (%s)", broken_rows[kind].what,
		 where, error ? ": " : "", error ? strerror(-error) : "",
		 broken_rows[kind].advice);
	run_say_once(run, kind, text);
}

void broken_question(struct run *run, int error)
{
	if (error == -ENOMEM || error == -E2BIG || error == -ENAMETOOLONG)
		broken_tell(run, BROKEN_MEMORY, "to the resolver", error);
}
