/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that change what is there, by path or by descriptor: EROFS. By descriptor too,
 * as the inode behind it is an object that others use (tracer-design 13). */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "syscalls/handlers.h"

static enum verdict change_at(struct run *run, struct tracee *tracee,
			      int dirfd_argument, int path_argument, unsigned int flags)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call(&target, run, tracee, dirfd_argument, path_argument, flags,
			    &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, (unsigned int)path_argument);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	return tracee_answer(tracee, -EROFS);
}

static unsigned int follow_of(uint64_t at_flags)
{
	unsigned int flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW;

	return at_flags & AT_EMPTY_PATH ? flags | TARGET_EMPTY_PATH : flags;
}

HANDLER(enter_change_path)
{
	return change_at(run, tracee, -1, 0, TARGET_FOLLOW);
}

HANDLER(enter_change_link)
{
	return change_at(run, tracee, -1, 0, 0);
}

HANDLER(enter_change_at)
{
	return change_at(run, tracee, 0, 1, follow_of(tracee->stop.args[3]));
}

HANDLER(enter_change_at_follow)
{
	return change_at(run, tracee, 0, 1, TARGET_FOLLOW);
}

HANDLER(enter_fchownat)
{
	return change_at(run, tracee, 0, 1, follow_of(tracee->stop.args[4]));
}

HANDLER(enter_xattr_at)
{
	return change_at(run, tracee, 0, 1, follow_of(tracee->stop.args[2]));
}

HANDLER(enter_change_descriptor)
{
	struct target target;

	target_of_descriptor(&target, run, tracee, (int)tracee->stop.args[0]);
	if (target.kind != TARGET_OURS)
		return VERDICT_PASS;
	return tracee_answer(tracee, -EROFS);
}

HANDLER(enter_utimensat)
{
	if (tracee->stop.args[1] == 0 && (int)tracee->stop.args[0] != AT_FDCWD)
		return enter_change_descriptor(run, tracee);
	return change_at(run, tracee, 0, 1, follow_of(tracee->stop.args[3]));
}

HANDLER(enter_truncate)
{
	struct target target;
	enum verdict verdict;
	mode_t mode;

	if ((int64_t)tracee->stop.args[1] < 0)
		return VERDICT_PASS; /* EINVAL comes first */
	if (!target_of_call(&target, run, tracee, -1, 0, TARGET_FOLLOW, &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, 0);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	mode = target.walk.at.kind == PLACE_TOP ? S_IFDIR : target.walk.entry.mode;
	if (S_ISDIR(mode))
		return tracee_answer(tracee, -EISDIR);
	return tracee_answer(tracee, S_ISREG(mode) ? -EROFS : -EINVAL);
}
