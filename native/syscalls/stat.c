/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stat, lstat, fstat, newfstatat, statx. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "run/mounts.h"
#include "syscalls/handlers.h"
#include "syscalls/standins.h"
#include "syscalls/stat.h"

static void target_stat(struct target *target, struct stat *ret_stat)
{
	const struct place *place = &target->walk.at;
	bool is_top = place->kind == PLACE_TOP;

	view_stat(&target->view, place, is_top ? NULL : &target->walk.entry, ret_stat);
}

static enum verdict answer_stat(struct target *target, uint64_t buffer,
				stat_layout layout)
{
	struct tracee *tracee = target->view.tracee;
	struct stat st;

	target_stat(target, &st);
	return tracee_answer(tracee, layout(tracee, buffer, &st));
}

enum verdict stat_path(struct run *run, struct tracee *tracee, unsigned int flags,
		       stat_layout layout)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call(&target, run, tracee, -1, 0, flags, &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, 0);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	return answer_stat(&target, tracee->stop.args[1], layout);
}

enum verdict stat_descriptor(struct run *run, struct tracee *tracee, stat_layout layout)
{
	struct target target;

	target_of_descriptor(&target, run, tracee, (int)tracee->stop.args[0]);
	if (target.standin)
		return tracee_answer(tracee, layout(tracee, tracee->stop.args[1],
						    &target.standin->shown));
	if (target.kind != TARGET_OURS)
		return VERDICT_PASS;
	return answer_stat(&target, tracee->stop.args[1], layout);
}

static unsigned int follow_of(uint64_t at_flags)
{
	unsigned int flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW;

	if (at_flags & AT_EMPTY_PATH)
		flags |= TARGET_EMPTY_PATH | TARGET_NULL_PATH;
	return flags;
}

enum verdict stat_at(struct run *run, struct tracee *tracee, stat_layout layout)
{
	const uint64_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
	uint64_t at_flags = (uint32_t)tracee->stop.args[3];
	struct target target;
	enum verdict verdict;

	if (at_flags & ~known)
		return VERDICT_PASS; /* EINVAL comes first */
	if (!target_of_call(&target, run, tracee, 0, 1, follow_of(at_flags), &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, 1);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	return answer_stat(&target, tracee->stop.args[2], layout);
}

static int own_layout(struct tracee *tracee, uint64_t buffer, const struct stat *st)
{
	return tracee_write(tracee, buffer, st, sizeof(*st));
}

HANDLER(enter_stat)
{
	return stat_path(run, tracee, TARGET_FOLLOW, own_layout);
}

HANDLER(enter_lstat)
{
	return stat_path(run, tracee, 0, own_layout);
}

HANDLER(enter_fstat)
{
	return stat_descriptor(run, tracee, own_layout);
}

HANDLER(enter_newfstatat)
{
	return stat_at(run, tracee, own_layout);
}

static struct statx_timestamp timestamp(struct timespec time)
{
	return (struct statx_timestamp){.tv_sec = time.tv_sec,
					.tv_nsec = (uint32_t)time.tv_nsec};
}

#ifdef STATX_MNT_ID
enum { MNT_ID_UNIQUE = 0x4000 }; /* STATX_MNT_ID_UNIQUE, Linux 6.8 */

/* Which of a mount's numbers this kernel knows: none, the one of mountinfo, or also
 * one that is never used again. */
static uint32_t mount_numbers(void)
{
	static uint32_t known = UINT32_MAX;
	struct statx stx;

	if (known == UINT32_MAX) {
		stx.stx_mask = 0;
		syscall(SYS_statx, AT_FDCWD, "/", 0, MNT_ID_UNIQUE, &stx);
		known = stx.stx_mask & (STATX_MNT_ID | MNT_ID_UNIQUE);
	}
	return known;
}

/* vfs_statx_path() tells it, asked or not. */
static void fill_mount(const struct place *place, uint32_t mask, struct statx *stx)
{
	const uint64_t never_of_the_kernel = UINT64_C(0x70) << 56;

	stx->stx_mnt_id = mounts_mount_id(place);
	if (mount_numbers() & mask & MNT_ID_UNIQUE) {
		stx->stx_mask |= MNT_ID_UNIQUE;
		stx->stx_mnt_id |= never_of_the_kernel;
	} else if (mount_numbers()) {
		stx->stx_mask |= STATX_MNT_ID;
	}
}
#endif

static void fill_statx(const struct stat *st, const struct place *place, uint32_t mask,
		       struct statx *stx)
{
	memset(stx, 0, sizeof(*stx));
	stx->stx_mask = STATX_BASIC_STATS;
	stx->stx_blksize = (uint32_t)st->st_blksize;
	stx->stx_nlink = (uint32_t)st->st_nlink;
	stx->stx_uid = st->st_uid;
	stx->stx_gid = st->st_gid;
	stx->stx_mode = (uint16_t)st->st_mode;
	stx->stx_ino = st->st_ino;
	stx->stx_size = (uint64_t)st->st_size;
	stx->stx_blocks = (uint64_t)st->st_blocks;
	stx->stx_atime = timestamp(st->st_atim);
	stx->stx_mtime = timestamp(st->st_mtim);
	stx->stx_ctime = timestamp(st->st_ctim);
	stx->stx_rdev_major = major(st->st_rdev);
	stx->stx_rdev_minor = minor(st->st_rdev);
	stx->stx_dev_major = major(st->st_dev);
	stx->stx_dev_minor = minor(st->st_dev);
#ifdef STATX_ATTR_MOUNT_ROOT
	/* vfs_getattr_nosec() and vfs_statx() of Linux' fs/stat.c. */
	stx->stx_attributes_mask =
		STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX;
	if (mounts_is_root(place))
		stx->stx_attributes = STATX_ATTR_MOUNT_ROOT;
#endif
#ifdef STATX_MNT_ID
	fill_mount(place, mask, stx);
#else
	(void)mask;
	(void)place;
#endif
}

HANDLER(enter_statx)
{
	const uint64_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT |
			       AT_STATX_SYNC_TYPE;
	uint64_t at_flags = (uint32_t)tracee->stop.args[2];
	uint32_t mask = (uint32_t)tracee->stop.args[3];
	struct target target;
	enum verdict verdict;
	struct statx stx;
	struct stat st;

	if ((at_flags & ~known) || (mask & STATX__RESERVED) ||
	    (at_flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return VERDICT_PASS; /* EINVAL comes first */
	if (!target_of_call(&target, run, tracee, 0, 1, follow_of(at_flags), &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, 1);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	target_stat(&target, &st);
	fill_statx(&st, &target.walk.at, mask, &stx);
	return tracee_answer(
		tracee, tracee_write(tracee, tracee->stop.args[4], &stx, sizeof(stx)));
}
