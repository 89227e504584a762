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
#include "find/seen.h"
#include "find/standins.h"
#include "run/mounts.h"
#include "syscalls/handlers.h"
#include "shown/statx.h"
#include "syscalls/stat.h"

static void target_stat(struct target *target, struct stat *ret_stat)
{
	const struct place *place = &target->walk.at;
	bool is_top = place->kind == PLACE_TOP;

	seen_stat(&target->call, place, is_top ? NULL : &target->walk.entry, ret_stat);
}

static enum verdict answer_stat(struct target *target, uint64_t buffer,
				stat_layout layout)
{
	struct tracee *tracee = target->call.tracee;
	struct stat st;

	target_stat(target, &st);
	return tracee_answer(tracee, layout(tracee, buffer, &st));
}

enum verdict stat_path(struct run *run, struct tracee *tracee, unsigned int flags,
		       stat_layout layout)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call_ours(&target, run, tracee, -1, 0, flags, &verdict))
		return verdict;
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

static unsigned int follow_of(const struct run *run, uint64_t at_flags)
{
	unsigned int flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW;

	if (at_flags & AT_EMPTY_PATH)
		flags |= TARGET_EMPTY_PATH;
	if (at_flags & AT_EMPTY_PATH && run->machine.null_names)
		flags |= TARGET_NULL_PATH;
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
	if (!target_of_call_ours(&target, run, tracee, 0, 1, follow_of(run, at_flags),
				 &verdict))
		return verdict;
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
	if (!target_of_call_ours(&target, run, tracee, 0, 1, follow_of(run, at_flags),
				 &verdict))
		return verdict;
	target_stat(&target, &st);
	shown_statx(
		&st,
		&(struct shown_mount_point){.id = mounts_mount_id(&target.walk.at),
					    .is_root = mounts_is_root(&target.walk.at),
					    .known = run->machine.mount_numbers},
		mask, &stx);
	return tracee_answer(
		tracee, tracee_write(tracee, tracee->stop.args[4], &stx, sizeof(stx)));
}
