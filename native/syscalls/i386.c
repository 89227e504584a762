/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What i386's stat and statfs calls fill in. Sources: cp_old_stat(), cp_compat_stat()
 * of Linux' fs/stat.c, cp_stat64() of arch/x86/kernel/sys_ia32.c, put_compat_statfs*()
 * of fs/statfs.c. Inodes of /cvmfs are folded for such programs (seen_inode). */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "syscalls/handlers.h"
#include "syscalls/stat.h"

enum { SIZE_MAX_31 = 0x7fffffff };

struct old_stat {
	uint16_t dev, ino, mode, nlink, uid, gid, rdev, pad;
	uint32_t size, atime, mtime, ctime;
};

struct short_stat {
	uint32_t dev, ino;
	uint16_t mode, nlink, uid, gid;
	uint32_t rdev, size, blksize, blocks;
	uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	uint32_t unused[2];
};

struct long_stat {
	uint64_t dev;
	uint32_t pad0, short_ino, mode, nlink, uid, gid;
	uint64_t rdev;
	uint32_t pad3;
	int64_t size;
	uint32_t blksize;
	int64_t blocks;
	uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	uint64_t ino;
} __attribute__((packed));

struct short_statfs {
	uint32_t type, bsize, blocks, bfree, bavail, files, ffree, fsid[2], namelen,
		frsize, flags, spare[4];
};

struct long_statfs {
	uint32_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
	uint32_t fsid[2], namelen, frsize, flags, spare[4];
} __attribute__((packed));

_Static_assert(sizeof(struct old_stat) == 32, "struct __old_kernel_stat");
_Static_assert(sizeof(struct short_stat) == 64, "struct compat_stat");
_Static_assert(sizeof(struct long_stat) == 96, "struct stat64");
_Static_assert(sizeof(struct short_statfs) == 64, "struct compat_statfs");
_Static_assert(sizeof(struct long_statfs) == 84, "struct compat_statfs64");

/* high2lowuid() of Linux' include/linux/highuid.h. */
static uint16_t short_id(uint32_t id)
{
	return id > 0xffff ? 65534 : (uint16_t)id;
}

static uint32_t short_device(uint64_t device)
{
	return (uint16_t)(major(device) << 8 | minor(device));
}

static int old_layout(struct tracee *tracee, uint64_t buffer, const struct stat *st)
{
	struct old_stat old = {
		.dev = (uint16_t)short_device(st->st_dev),
		.ino = (uint16_t)st->st_ino,
		.mode = (uint16_t)st->st_mode,
		.nlink = (uint16_t)st->st_nlink,
		.uid = short_id(st->st_uid),
		.gid = short_id(st->st_gid),
		.rdev = (uint16_t)short_device(st->st_rdev),
		.size = (uint32_t)st->st_size,
		.atime = (uint32_t)st->st_atim.tv_sec,
		.mtime = (uint32_t)st->st_mtim.tv_sec,
		.ctime = (uint32_t)st->st_ctim.tv_sec,
	};

	if (old.ino != st->st_ino || old.nlink != st->st_nlink)
		return -EOVERFLOW;
	return tracee_write(tracee, buffer, &old, sizeof(old));
}

static int short_layout(struct tracee *tracee, uint64_t buffer, const struct stat *st)
{
	struct short_stat narrow = {
		.dev = (uint32_t)st->st_dev,
		.ino = (uint32_t)st->st_ino,
		.mode = (uint16_t)st->st_mode,
		.nlink = (uint16_t)st->st_nlink,
		.uid = short_id(st->st_uid),
		.gid = short_id(st->st_gid),
		.rdev = (uint32_t)st->st_rdev,
		.size = (uint32_t)st->st_size,
		.blksize = (uint32_t)st->st_blksize,
		.blocks = (uint32_t)st->st_blocks,
		.atime = (uint32_t)st->st_atim.tv_sec,
		.atime_ns = (uint32_t)st->st_atim.tv_nsec,
		.mtime = (uint32_t)st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.ctime = (uint32_t)st->st_ctim.tv_sec,
		.ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
	};

	if (narrow.ino != st->st_ino || narrow.nlink != st->st_nlink ||
	    (uint64_t)st->st_size > SIZE_MAX_31)
		return -EOVERFLOW;
	return tracee_write(tracee, buffer, &narrow, sizeof(narrow));
}

static int long_layout(struct tracee *tracee, uint64_t buffer, const struct stat *st)
{
	struct long_stat wide;

	/* The kernel leaves the holes as they were. */
	if (tracee_read(tracee, buffer, &wide, sizeof(wide)) < 0)
		return -EFAULT;
	wide.dev = (uint32_t)st->st_dev;
	wide.short_ino = (uint32_t)st->st_ino;
	wide.mode = st->st_mode;
	wide.nlink = (uint32_t)st->st_nlink;
	wide.uid = st->st_uid;
	wide.gid = st->st_gid;
	wide.rdev = (uint32_t)st->st_rdev;
	wide.size = st->st_size;
	wide.blksize = (uint32_t)st->st_blksize;
	wide.blocks = st->st_blocks;
	wide.atime = (uint32_t)st->st_atim.tv_sec;
	wide.atime_ns = (uint32_t)st->st_atim.tv_nsec;
	wide.mtime = (uint32_t)st->st_mtim.tv_sec;
	wide.mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	wide.ctime = (uint32_t)st->st_ctim.tv_sec;
	wide.ctime_ns = (uint32_t)st->st_ctim.tv_nsec;
	wide.ino = st->st_ino;
	return tracee_write(tracee, buffer, &wide, sizeof(wide));
}

HANDLER(enter_oldstat_i386)
{
	return stat_path(run, tracee, TARGET_FOLLOW, old_layout);
}

HANDLER(enter_oldlstat_i386)
{
	return stat_path(run, tracee, 0, old_layout);
}

HANDLER(enter_oldfstat_i386)
{
	return stat_descriptor(run, tracee, old_layout);
}

HANDLER(enter_stat_i386)
{
	return stat_path(run, tracee, TARGET_FOLLOW, short_layout);
}

HANDLER(enter_lstat_i386)
{
	return stat_path(run, tracee, 0, short_layout);
}

HANDLER(enter_fstat_i386)
{
	return stat_descriptor(run, tracee, short_layout);
}

HANDLER(enter_stat64_i386)
{
	return stat_path(run, tracee, TARGET_FOLLOW, long_layout);
}

HANDLER(enter_lstat64_i386)
{
	return stat_path(run, tracee, 0, long_layout);
}

HANDLER(enter_fstat64_i386)
{
	return stat_descriptor(run, tracee, long_layout);
}

HANDLER(enter_fstatat64_i386)
{
	return stat_at(run, tracee, long_layout);
}

/* ---- statfs ---- */

static int short_fs_layout(struct tracee *tracee, uint64_t buffer,
			   const struct statfs *fs)
{
	struct short_statfs narrow = {
		.type = (uint32_t)fs->f_type,
		.bsize = (uint32_t)fs->f_bsize,
		.blocks = (uint32_t)fs->f_blocks,
		.bfree = (uint32_t)fs->f_bfree,
		.bavail = (uint32_t)fs->f_bavail,
		.files = (uint32_t)fs->f_files,
		.ffree = (uint32_t)fs->f_ffree,
		.namelen = (uint32_t)fs->f_namelen,
		.frsize = (uint32_t)fs->f_frsize,
		.flags = (uint32_t)fs->f_flags,
	};

	if ((fs->f_blocks | fs->f_bfree | fs->f_bavail | fs->f_files | fs->f_ffree) >>
	    32)
		return -EOVERFLOW;
	memcpy(narrow.fsid, &fs->f_fsid, sizeof(narrow.fsid));
	return tracee_write(tracee, buffer, &narrow, sizeof(narrow));
}

static int long_fs_layout(struct tracee *tracee, uint64_t buffer,
			  const struct statfs *fs)
{
	struct long_statfs wide = {
		.type = (uint32_t)fs->f_type,
		.bsize = (uint32_t)fs->f_bsize,
		.blocks = fs->f_blocks,
		.bfree = fs->f_bfree,
		.bavail = fs->f_bavail,
		.files = fs->f_files,
		.ffree = fs->f_ffree,
		.namelen = (uint32_t)fs->f_namelen,
		.frsize = (uint32_t)fs->f_frsize,
		.flags = (uint32_t)fs->f_flags,
	};

	memcpy(wide.fsid, &fs->f_fsid, sizeof(wide.fsid));
	return tracee_write(tracee, buffer, &wide, sizeof(wide));
}

HANDLER(enter_statfs_i386)
{
	return statfs_path(run, tracee, 1, short_fs_layout);
}

HANDLER(enter_fstatfs_i386)
{
	return statfs_descriptor(run, tracee, 1, short_fs_layout);
}

HANDLER(enter_statfs64_i386)
{
	if (tracee->stop.args[1] != sizeof(struct long_statfs))
		return VERDICT_PASS; /* EINVAL comes first */
	return statfs_path(run, tracee, 2, long_fs_layout);
}

HANDLER(enter_fstatfs64_i386)
{
	if (tracee->stop.args[1] != sizeof(struct long_statfs))
		return VERDICT_PASS;
	return statfs_descriptor(run, tracee, 2, long_fs_layout);
}
