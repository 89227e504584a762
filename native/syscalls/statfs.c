/* SPDX-License-Identifier: GPL-2.0-or-later */
/* statfs, fstatfs. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "find/look.h"
#include "find/standins.h"
#include "run/mounts.h"
#include "syscalls/handlers.h"
#include "syscalls/stat.h"

enum { FUSE_MAGIC = 0x65735546, ST_VALID_FLAG = 0x20 };

static enum verdict answer_statfs(struct target *target, uint64_t buffer,
				  statfs_layout layout)
{
	struct tracee *tracee = target->call.tracee;
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
			mounts_record(target->call.run->mounts, place->mount);

		fs.f_blocks = record->blocks;
		fs.f_bfree = fs.f_bavail = record->blocks_free;
		fs.f_files = record->files;
	}
	return tracee_answer(tracee, layout(tracee, buffer, &fs));
}

static enum verdict answer_standin(struct target *target, uint64_t buffer,
				   statfs_layout layout)
{
	struct tracee *tracee = target->call.tracee;
	int fd = standins_open(&target->call, target->standin, true);
	struct statfs fs;
	int result = fd;

	if (fd == LOOK_WAITS)
		return target_wait(target);
	/* Of a file system that may not answer we tell nothing. */
	if (fd >= 0)
		result = look_may_wait(&target->call, fd) ? -1 : fstatfs(fd, &fs);
	if (fd >= 0)
		close(fd);
	return result < 0 ? VERDICT_PASS
			  : tracee_answer(tracee, layout(tracee, buffer, &fs));
}

enum verdict statfs_path(struct run *run, struct tracee *tracee, unsigned int position,
			 statfs_layout layout)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call_ours(&target, run, tracee, -1, 0, TARGET_FOLLOW, &verdict))
		return verdict;
	return answer_statfs(&target, tracee->stop.args[position], layout);
}

enum verdict statfs_descriptor(struct run *run, struct tracee *tracee,
			       unsigned int position, statfs_layout layout)
{
	struct target target;

	target_of_descriptor(&target, run, tracee, (int)tracee->stop.args[0]);
	if (target.standin)
		return answer_standin(&target, tracee->stop.args[position], layout);
	if (target.kind != TARGET_OURS)
		return VERDICT_PASS;
	return answer_statfs(&target, tracee->stop.args[position], layout);
}

static int own_layout(struct tracee *tracee, uint64_t buffer, const struct statfs *fs)
{
	return tracee_write(tracee, buffer, fs, sizeof(*fs));
}

HANDLER(enter_statfs)
{
	return statfs_path(run, tracee, 1, own_layout);
}

HANDLER(enter_fstatfs)
{
	return statfs_descriptor(run, tracee, 1, own_layout);
}
