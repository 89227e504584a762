/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that change what is there, by path or by descriptor: EROFS. By descriptor too,
 * as the inode behind it is an object that others use. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"
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

	if (!target_of_call_in_cvmfs(&target, run, tracee, dirfd_argument,
				     path_argument, changing->flags | TARGET_WRITES,
				     &verdict))
		return verdict;
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

static enum verdict change_descriptor(struct run *run, struct tracee *tracee, int error)
{
	struct target target;

	target_of_descriptor(&target, run, tracee, (int)tracee->stop.args[0]);
	/* An O_PATH descriptor is none for these calls: EBADF. */
	if (target.kind != TARGET_OURS ||
	    (descriptors_flags(tracee->tid, (int)tracee->stop.args[0]) & O_PATH))
		return VERDICT_PASS;
	return refuse_descriptor(tracee, error);
}

HANDLER(enter_change_descriptor)
{
	return change_descriptor(run, tracee, EROFS);
}

/* The newer calls: with AT_EMPTY_PATH "" and NULL mean the descriptor, as the calls
 * have it that take no path (getname_maybe_null()). */
static bool names_descriptor(struct tracee *tracee, uint64_t at_flags)
{
	uint64_t path = tracee->stop.args[1];
	char first = '\0';

	return at_flags & AT_EMPTY_PATH &&
	       (path == 0 || tracee_read(tracee, path, &first, 1) == 0) &&
	       first == '\0';
}

static enum verdict change_newer(struct run *run, struct tracee *tracee,
				 uint64_t at_flags)
{
	unsigned int flags = follow_of(at_flags);

	if (!(at_flags & AT_EMPTY_PATH))
		return change_at(run, tracee, 0, 1, flags);
	if ((int)tracee->stop.args[0] >= 0 && names_descriptor(tracee, at_flags))
		return enter_change_descriptor(run, tracee);
	return change_at(run, tracee, 0, 1, flags | TARGET_NULL_PATH);
}

HANDLER(enter_setxattrat)
{
	return change_newer(run, tracee, tracee->stop.args[2]);
}

/* To some kernels AT_FDCWD is no descriptor here (path_removexattrat() of Linux 6.13).
 */
static bool cwd_is_none(void)
{
	return syscall(SYS_removexattrat, AT_FDCWD, "", AT_EMPTY_PATH, "none") < 0 &&
	       errno == EBADF;
}

HANDLER(enter_removexattrat)
{
	uint64_t at_flags = tracee->stop.args[2];

	if ((int)tracee->stop.args[0] == AT_FDCWD &&
	    names_descriptor(tracee, at_flags) && cwd_is_none())
		return VERDICT_PASS;
	return change_newer(run, tracee, at_flags);
}

HANDLER(enter_file_setattr)
{
	return change_newer(run, tracee, tracee->stop.args[4]);
}

/* vfs_utimes() looks at the nanoseconds after the path and before the mount. */
static bool bad_time(int64_t ns)
{
	return ns != UTIME_NOW && ns != UTIME_OMIT && (ns < 0 || ns > 999999999);
}

static enum verdict change_times(struct run *run, struct tracee *tracee, bool bad)
{
	int error = bad ? EINVAL : EROFS;

	if (tracee->stop.args[1] == 0 && (int)tracee->stop.args[0] != AT_FDCWD)
		return change_descriptor(run, tracee, error);
	return change_how(
		run, tracee,
		&(struct changing){0, 1, follow_of(tracee->stop.args[3]), error});
}

/* Without a path it is futimes(), whose times the kernel looks at first. */
HANDLER(enter_futimesat)
{
	int64_t times[4] = {0};
	int32_t small[4];
	uint64_t address = tracee->stop.args[2];
	int error = 0;

	if (tracee->stop.args[1] != 0 || (int)tracee->stop.args[0] == AT_FDCWD)
		return enter_change_at_follow(run, tracee);
	if (address && tracee->stop.regs.abi == ARCH_I386) {
		error = tracee_read(tracee, address, small, sizeof(small));
		for (int i = 0; i < 4 && error == 0; i++)
			times[i] = small[i];
	} else if (address) {
		error = tracee_read(tracee, address, times, sizeof(times));
	}
	if (error < 0)
		return tracee_answer(tracee, -EFAULT);
	if (times[1] < 0 || times[1] > 999999 || times[3] < 0 || times[3] > 999999)
		return tracee_answer(tracee, -EINVAL);
	return enter_change_descriptor(run, tracee);
}

HANDLER(enter_utimensat)
{
	int64_t times[4] = {0};
	bool i386 = tracee->stop.regs.abi == ARCH_I386; /* utimensat_time64 */

	if (!tracee->stop.args[2] ||
	    tracee_read(tracee, tracee->stop.args[2], times, sizeof(times)) < 0)
		return change_times(run, tracee, false);
	/* get_timespec64() looks at the low half of its nanoseconds only. */
	for (int i = 1; i < 4 && i386; i += 2)
		times[i] = (uint32_t)times[i];
	return change_times(run, tracee, bad_time(times[1]) || bad_time(times[3]));
}

HANDLER(enter_utimensat_i386)
{
	int32_t times[4] = {0};

	if (!tracee->stop.args[2] ||
	    tracee_read(tracee, tracee->stop.args[2], times, sizeof(times)) < 0)
		return change_times(run, tracee, false);
	return change_times(run, tracee, bad_time(times[1]) || bad_time(times[3]));
}

static enum verdict truncate_path(struct run *run, struct tracee *tracee,
				  int64_t length)
{
	struct target target;
	enum verdict verdict;
	mode_t mode;

	if (length < 0)
		return VERDICT_PASS; /* EINVAL comes first */
	if (!target_of_call_ours(&target, run, tracee, -1, 0,
				 TARGET_FOLLOW | TARGET_WRITES, &verdict))
		return verdict;
	mode = target.walk.at.kind == PLACE_TOP ? S_IFDIR : target.walk.entry.mode;
	if (S_ISDIR(mode))
		return tracee_answer(tracee, -EISDIR);
	return tracee_answer(tracee, S_ISREG(mode) ? -EROFS : -EINVAL);
}

HANDLER(enter_truncate)
{
	return truncate_path(run, tracee, (int64_t)tracee->stop.args[1]);
}

HANDLER(enter_truncate_i386)
{
	return truncate_path(run, tracee, (int32_t)tracee->stop.args[1]);
}

/* The length is two arguments: low half, high half. */
HANDLER(enter_truncate64_i386)
{
	return truncate_path(run, tracee, (int32_t)tracee->stop.args[2]);
}
