/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an inode stands for, by what the kernel has in memory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "find/look.h"
#include "run/objects.h"
#include "run/slowmounts.h"
#include "run/unasked.h"
#include "tracee/kernel.h"

int look_known(int fd, const char *path, int flags, struct stat *ret_stat)
{
	const unsigned int mask = STATX_TYPE | STATX_INO | STATX_MTIME;
	struct statx stx;

	if (!kernel_has(KERNEL_STATX))
		return fstatat(fd, path, ret_stat, flags) == 0 ? 0 : -errno;
	/* The C library's own fallback knows none of these flags: EINVAL. */
	if (syscall(SYS_statx, fd, path, flags | AT_STATX_DONT_SYNC, mask, &stx) < 0) {
		if (errno != ENOSYS)
			return -errno;
		kernel_has_not(KERNEL_STATX);
		return look_known(fd, path, flags, ret_stat);
	}
	*ret_stat =
		(struct stat){.st_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
			      .st_ino = stx.stx_ino,
			      .st_mode = stx.stx_mode,
			      .st_mtim = {.tv_sec = stx.stx_mtime.tv_sec,
					  .tv_nsec = stx.stx_mtime.tv_nsec}};
	return 0;
}

const struct node *look_node_of(const struct run *run, const struct stat *st)
{
	const struct node *node = nodes_find(run, st), *former;

	if (node)
		return node;
	/* Times of network file systems may differ: what has the object's name is it.
	 */
	former = nodes_numbered(run, st->st_dev, st->st_ino);
	return former && objects_is_at(run, &former->place, st->st_dev, st->st_ino)
		       ? former
		       : NULL;
}

const struct node *look_node_called(const struct run *run, const struct stat *st,
				    const char *name, size_t len)
{
	const struct unasked_file file = {st->st_dev, st->st_ino, name, len};
	struct place place;

	if (!unasked_place(run, &file, &place))
		return NULL;
	nodes_learn(run, st, NODE_OBJECT, &place);
	return nodes_find(run, st);
}

const struct node *look_node(const struct run *run, int fd, const char *path, int flags,
			     struct stat *ret_stat)
{
	char own[64], name[LOOK_LINK_SIZE];
	const struct node *node = NULL;
	ssize_t len;

	if (look_known(fd, path, flags, ret_stat) < 0)
		return NULL;
	/* First by its name: an inode that was one of ours may be another one's by now,
	 * written in the same second, and of the same size. */
	if (S_ISREG(ret_stat->st_mode) && unasked_may_be(run, ret_stat->st_dev)) {
		snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
		len = readlink(path[0] ? path : own, name, sizeof(name));
		if (len > 0)
			node = look_node_called(run, ret_stat, name, (size_t)len);
	}
	return node ? node : look_node_of(run, ret_stat);
}

int look_stat(int fd, struct stat *ret_stat)
{
	return look_known(fd, "", AT_EMPTY_PATH, ret_stat);
}

bool look_is_root(const struct run *run, int fd)
{
	struct stat st;

	return look_stat(fd, &st) == 0 && st.st_dev == run->machine.root_dev &&
	       st.st_ino == run->machine.root_ino;
}

bool look_is_proc(const struct run *run, int fd)
{
	struct statfs fs;
	struct stat st;

	if (look_stat(fd, &st) < 0)
		return false;
	if (st.st_dev == run->machine.proc_dev || major(st.st_dev) != 0)
		return st.st_dev == run->machine.proc_dev;
	/* Another one of its kind, or tmpfs and the like; a server is not asked. */
	if (slowmounts_any(run->slow) && slowmounts_is_slow(run->slow, st.st_dev))
		return false;
	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static void proc_link(const struct tracee *tracee, int dirfd, char *path, size_t size)
{
	if (dirfd == AT_FDCWD)
		snprintf(path, size, "/proc/%d/cwd", tracee->tid);
	else
		snprintf(path, size, "/proc/%d/fd/%d", tracee->tid, dirfd);
}

int look_directory(const struct tracee *tracee, int dirfd)
{
	char path[64];
	int fd;

	proc_link(tracee, dirfd, path, sizeof(path));
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int look_inode(const struct tracee *tracee, int dirfd, struct stat *ret_stat)
{
	char path[64];

	proc_link(tracee, dirfd, path, sizeof(path));
	return look_known(AT_FDCWD, path, 0, ret_stat);
}

const struct node *look_inode_node(const struct run *run, const struct tracee *tracee,
				   int dirfd, struct stat *ret_stat)
{
	char path[64];

	proc_link(tracee, dirfd, path, sizeof(path));
	return look_node(run, AT_FDCWD, path, 0, ret_stat);
}
