/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access, faccessat, faccessat2. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "find/seen.h"
#include "syscalls/handlers.h"

static enum verdict access_any(struct run *run, struct tracee *tracee,
			       int dirfd_argument, int path_argument,
			       unsigned int flags)
{
	uint64_t mode = (uint32_t)tracee->stop.args[path_argument + 1];
	struct target target;
	enum verdict verdict;
	int error;

	if (mode & ~7ull)
		return VERDICT_PASS;		       /* EINVAL comes first */
	flags |= (unsigned int)mode * TARGET_EXECUTES; /* R_OK and the like */
	if (!target_of_call_ours(&target, run, tracee, dirfd_argument, path_argument,
				 flags, &verdict))
		return verdict;
	error = seen_access(&target.call, &target.walk.at,
			    target.walk.at.kind == PLACE_TOP ? NULL
							     : &target.walk.entry,
			    (int)mode);
	return tracee_answer(tracee, -error);
}

HANDLER(enter_access)
{
	return access_any(run, tracee, -1, 0, TARGET_FOLLOW | TARGET_REAL_IDS);
}

HANDLER(enter_faccessat)
{
	return access_any(run, tracee, 0, 1, TARGET_FOLLOW | TARGET_REAL_IDS);
}

HANDLER(enter_faccessat2)
{
	const uint64_t known = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
	uint64_t at_flags = (uint32_t)tracee->stop.args[3];
	unsigned int flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW;

	if (at_flags & ~known)
		return VERDICT_PASS;
	if (!(at_flags & AT_EACCESS))
		flags |= TARGET_REAL_IDS;
	if (at_flags & AT_EMPTY_PATH)
		flags |= TARGET_EMPTY_PATH;
	return access_any(run, tracee, 0, 1, flags);
}
