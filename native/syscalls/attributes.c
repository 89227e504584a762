/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that change what is there, by path or by descriptor: EROFS. By descriptor too,
 * as the inode behind it is an object that others use (tracer-design 13). */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "syscalls/handlers.h"
#include "syscalls/refuse.h"
#include "tracee/descriptors.h"

struct changing {
	int dirfd_argument, path_argument; /* dirfd -1: none */
	unsigned int flags;		   /* enum target_flag */
	int error;			   /* of something that is there */
};

static enum verdict change_how(struct run *run, struct tracee *tracee,
			       const struct changing *changing)
{
	int dirfd_argument = changing->dirfd_argument;
	int path_argument = changing->path_argument;
	struct target target;
	enum verdict verdict;
	int error;

	if (!target_of_call(&target, run, tracee, dirfd_argument, path_argument,
			    changing->flags, &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, (unsigned int)path_argument);
	error = target.kind == TARGET_MISSING ? target.walk.error : changing->error;
	return refuse_path(tracee, dirfd_argument, path_argument, error);
}

static enum verdict change_at(struct run *run, struct tracee *tracee,
			      int dirfd_argument, int path_argument, unsigned int flags)
{
	struct changing changing = {dirfd_argument, path_argument, flags, EROFS};

	return change_how(run, tracee, &changing);
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
	/* An O_PATH descriptor is none for these calls: EBADF. */
	if (target.kind != TARGET_OURS ||
	    (descriptors_flags(tracee->tid, (int)tracee->stop.args[0]) & O_PATH))
		return VERDICT_PASS;
	return refuse_descriptor(tracee, EROFS);
}

/* vfs_utimes() looks at the nanoseconds after the path and before the mount. */
static bool bad_times(struct tracee *tracee)
{
	struct timespec times[2];

	if (!tracee->stop.args[2] ||
	    tracee_read(tracee, tracee->stop.args[2], times, sizeof(times)) < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		long ns = times[i].tv_nsec;

		if (ns != UTIME_NOW && ns != UTIME_OMIT && (ns < 0 || ns > 999999999))
			return true;
	}
	return false;
}

HANDLER(enter_utimensat)
{
	if (tracee->stop.args[1] == 0 && (int)tracee->stop.args[0] != AT_FDCWD)
		return enter_change_descriptor(run, tracee);
	return change_how(run, tracee,
			  &(struct changing){0, 1, follow_of(tracee->stop.args[3]),
					     bad_times(tracee) ? EINVAL : EROFS});
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
