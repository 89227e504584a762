/* SPDX-License-Identifier: GPL-2.0-or-later */
/* statfs, fstatfs, and calls about mounts, handles and watches. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "run/mounts.h"
#include "syscalls/content.h"
#include "syscalls/handlers.h"
#include "syscalls/refuse.h"

enum { FUSE_MAGIC = 0x65735546, ST_VALID_FLAG = 0x20 };

static enum verdict answer_statfs(struct target *target, uint64_t buffer)
{
	struct tracee *tracee = target->view.tracee;
	const struct place *place = &target->walk.at;
	uint64_t device = mounts_device(place);
	struct statfs fs;

	memset(&fs, 0, sizeof(fs));
	fs.f_type = FUSE_MAGIC;
	fs.f_bsize = 512;
	fs.f_frsize = 512;
	fs.f_namelen = 255;
	fs.f_flags = ST_RDONLY | ST_NODEV | ST_NOSUID | ST_VALID_FLAG;
	memcpy(&fs.f_fsid, &device, sizeof(fs.f_fsid));
	if (place->kind == PLACE_ENTRY) {
		const struct interpose_mount *record =
			mounts_record(target->view.run->mounts, place->mount);

		fs.f_blocks = record->blocks;
		fs.f_bfree = fs.f_bavail = record->blocks_free;
		fs.f_files = record->files;
	}
	return tracee_answer(tracee, tracee_write(tracee, buffer, &fs, sizeof(fs)));
}

HANDLER(enter_statfs)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call(&target, run, tracee, -1, 0, TARGET_FOLLOW, &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, 0);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	return answer_statfs(&target, tracee->stop.args[1]);
}

HANDLER(enter_fstatfs)
{
	struct target target;

	target_of_descriptor(&target, run, tracee, (int)tracee->stop.args[0]);
	if (target.kind != TARGET_OURS)
		return VERDICT_PASS;
	return answer_statfs(&target, tracee->stop.args[1]);
}

HANDLER(enter_name_to_handle_at)
{
	uint64_t flags = (uint32_t)tracee->stop.args[4];
	struct target target;
	enum verdict verdict;
	unsigned int how = flags & AT_SYMLINK_FOLLOW ? TARGET_FOLLOW : 0;

	if (flags & AT_EMPTY_PATH)
		how |= TARGET_EMPTY_PATH;
	if (!target_of_call(&target, run, tracee, 0, 1, how, &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, 1);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	return tracee_answer(tracee, -EOPNOTSUPP);
}

HANDLER(enter_inotify_add_watch)
{
	struct redirection redirection = {1, NULL};
	char path[TARGET_PATH_SIZE];
	struct target target;
	enum verdict verdict;

	/* IN_DONT_FOLLOW; nothing below /cvmfs ever changes, so a watch on the object
	 * or the empty directory is valid and silent. */
	if (!target_of_call(&target, run, tracee, -1, 1,
			    tracee->stop.args[2] & 0x02000000 ? 0 : TARGET_FOLLOW,
			    &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return redirect_elsewhere(&target, 1);
	if (target.kind == TARGET_MISSING)
		return refuse_path(tracee, -1, 1, target.walk.error);
	if (target.walk.at.kind == PLACE_ENTRY &&
	    view_access(&target.view, &target.walk.at, &target.walk.entry, R_OK))
		return refuse_path(tracee, -1, 1, EACCES);
	if (!content_path(&target, path, sizeof(path), &verdict))
		return verdict;
	redirection.path = path;
	return tracee_redirect(tracee, &redirection, 1, tracee_leave_as_is);
}

static enum verdict leave_chroot(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	if (result == 0)
		tracee->process->other_root = true;
	return tracee_finish(tracee, result);
}

/* A directory of /cvmfs cannot become the root: ENOENT, as it is for the kernel. */
HANDLER(enter_chroot)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call(&target, run, tracee, -1, 0, TARGET_FOLLOW, &verdict) &&
	    verdict == VERDICT_WAIT)
		return verdict;
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	if (target.kind == TARGET_OURS && target.walk.at.kind == PLACE_ENTRY &&
	    !S_ISDIR(target.walk.entry.mode))
		return tracee_answer(tracee, -ENOTDIR);
	tracee->stop.leave = leave_chroot;
	return VERDICT_AT_EXIT;
}
