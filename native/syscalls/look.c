/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "index/lookup.h"
#include "run/objects.h"
#include "run/slowmounts.h"
#include "syscalls/footing.h"
#include "syscalls/look.h"
#include "tracee/kernel.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

enum { HEAD_SIZE = 64 * 1024 };

/* ---- errands of a call ---- */

bool look_errand(struct view *view, const struct errand *errand, int *ret_error)
{
	static const atomic_bool never;
	struct stop *stop = &view->tracee->stop;

	*ret_error = 0;
	for (uint32_t i = 0; i < stop->errand_count; i++) {
		if (stop->errands[i].key != errand->key)
			continue;
		*ret_error = stop->errands[i].error;
		errand->drop(errand->argument);
		return true;
	}
	if (stop->errand_count < STOP_ERRANDS)
		view->question = errands_send(view->run->errands, errand);
	else
		view->question = 0;
	if (view->question) {
		stop->errands[stop->errand_count++] =
			(struct errand_note){errand->key, 0};
		return false;
	}
	*ret_error = errand->work(errand->argument, &never);
	errand->drop(errand->argument);
	return true;
}

struct look {
	int dir;
	bool read;
	uint64_t flags;
	char path[];
};

/* In /proc the kernel asks for more than modes, and lets each process in to its own. */
static bool put_on(const struct view *view, int dir)
{
	return view->tracee->process->credentials.changed &&
	       !look_is_proc(view->run, dir) &&
	       credentials_put_on(view->run, view->tracee);
}

/* `who` looks; NULL: we, in a thread that serves nobody. */
static int open_how(const struct view *who, int dir, const char *path, uint64_t flags,
		    uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC, .resolve = resolve};
	bool as_other;
	int fd;

	if (!kernel_has(KERNEL_OPENAT2))
		return -ENOSYS;
	if (resolve & RESOLVE_CACHED && !kernel_has(KERNEL_RESOLVE_CACHED))
		return -EINVAL;
	as_other = who && put_on(who, dir);
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (as_other)
		credentials_take_off(who->run);
	if (fd < 0 && errno == ENOSYS)
		kernel_has_not(KERNEL_OPENAT2);
	return fd >= 0 ? fd : -errno;
}

static int open_at(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, flags | O_PATH | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

int look_at(const struct view *view, int dir, const char *path, int flags)
{
	bool as_other = put_on(view, dir);
	int fd = open_at(dir, path, flags);

	if (as_other)
		credentials_take_off(view->run);
	return fd;
}

/* The same without Linux 5.6 where it can be done. */
static int open_waiting(const struct view *who, int dir, const char *path,
			uint64_t flags, uint64_t resolve)
{
	int fd = open_how(who, dir, path, flags, resolve);

	if (fd != -ENOSYS || resolve)
		return fd;
	return who ? look_at(who, dir, path, (int)flags)
		   : open_at(dir, path, (int)flags);
}

/* Whatever comes of it, the kernel has it in memory afterwards. */
static int look_work(void *argument, const atomic_bool *over)
{
	const struct look *look = argument;
	char self[32], *head;
	int fd;

	(void)over;
	if (look->read) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", look->dir);
		fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		head = malloc(HEAD_SIZE);
		if (fd >= 0 && head && pread(fd, head, HEAD_SIZE, 0) < 0)
			head[0] = '\0'; /* who reads it next is told the error */
		free(head);
	} else {
		fd = open_waiting(NULL, look->dir, look->path, look->flags, 0);
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

static void look_drop(void *argument)
{
	struct look *look = argument;

	if (look->dir >= 0)
		close(look->dir);
	free(look);
}

/* True: it has been looked at for this call, or cannot be; false: wait. */
static bool looked(struct view *view, int dir, const char *path, uint64_t flags,
		   bool read)
{
	size_t size = strlen(path) + 1;
	struct look *look = malloc(sizeof(*look) + size);
	struct errand errand = {.work = look_work, .drop = look_drop, .argument = look};
	struct stat st = {0};
	int error;

	if (!look)
		return true;
	*look = (struct look){.dir = dir, .read = read, .flags = flags};
	memcpy(look->path, path, size);
	if (dir != AT_FDCWD) {
		look_stat(dir, &st);
		look->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	}
	errand.key = index_name_hash(path, size - 1) ^
		     (st.st_dev + st.st_ino * 4 + flags + read) * 0x9e3779b97f4a7c15;
	return look_errand(view, &errand, &error);
}

/* ---- which mounts ---- */

static bool is_slow(const struct run *run, int fd)
{
	struct stat st;

	return look_stat(fd, &st) < 0 || slowmounts_has_dev(run->slow, st.st_dev);
}

/* Opens it if that asks no slow mount; -EAGAIN: it may. */
static int open_locally(const struct view *view, int dir, const char *path,
			uint64_t flags, uint64_t resolve)
{
	const struct run *run = view->run;
	int fd;

	if (path[0] == '/' && resolve & RESOLVE_NO_SYMLINKS)
		return slowmounts_has_path(run->slow, path)
			       ? -EAGAIN
			       : open_waiting(view, dir, path, flags, resolve);
	if (dir == AT_FDCWD || is_slow(run, dir))
		return -EAGAIN;
	fd = open_how(view, dir, path, flags, resolve | RESOLVE_NO_XDEV);
	return fd == -EXDEV || fd == -ENOSYS ? -EAGAIN : fd;
}

int look_open(struct view *view, int dir, const char *path, uint64_t flags,
	      uint64_t resolve)
{
	const struct run *run = view->run;
	int fd = open_how(view, dir, path, flags, resolve | RESOLVE_CACHED);

	/* EINVAL: the kernel knows no RESOLVE_CACHED. */
	if (fd != -EAGAIN && fd != -EINVAL && fd != -ENOSYS)
		return fd;
	if (!slowmounts_any(run->slow))
		return open_waiting(view, dir, path, flags, resolve);
	fd = open_locally(view, dir, path, flags, resolve);
	if (fd != -EAGAIN)
		return fd;
	if (!looked(view, dir, path, flags, false))
		return LOOK_WAITS;
	return open_waiting(view, dir, path, flags, resolve);
}

int look_ahead(struct view *view, int fd)
{
	if (!slowmounts_any(view->run->slow) || !is_slow(view->run, fd))
		return 0;
	return looked(view, fd, "", 0, true) ? 0 : LOOK_WAITS;
}

enum look_plain look_plain(struct view *view, int dir, const char *path, bool follow)
{
	bool other = footing_of(view->run, view->tracee)->other_mounts, in_proc;
	uint64_t flags = follow ? 0 : O_NOFOLLOW;
	int fd = look_open(view, dir, path, flags, RESOLVE_NO_SYMLINKS);

	/* There are links. Where the host has no /cvmfs, whatever the kernel finds was
	 * not found through it; but links of /proc are the tracee's, not ours, and from
	 * other mounts an absolute one leads elsewhere. */
	if (fd == -ELOOP && !view->run->host_has_cvmfs && !other) {
		fd = look_open(view, dir, path, flags, RESOLVE_NO_MAGICLINKS);
		if (fd < 0 && fd != LOOK_WAITS)
			return LOOK_NOT_PLAIN;
	}
	if (fd == LOOK_WAITS)
		return LOOK_QUESTION;
	if (fd == -ELOOP || fd == -ENOSYS)
		return LOOK_NOT_PLAIN;
	/* Its own /proc may be another one than ours, and anywhere. */
	in_proc = fd >= 0 && other && look_is_proc(view->run, fd);
	if (fd >= 0)
		close(fd);
	return in_proc ? LOOK_NOT_PLAIN : LOOK_PLAIN;
}

/* ---- what the kernel has in memory ---- */

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

const struct node *look_node(const struct run *run, int fd, const char *path, int flags,
			     struct stat *ret_stat)
{
	const struct node *node, *former;
	uint64_t dev, ino;

	if (look_known(fd, path, flags, ret_stat) < 0)
		return NULL;
	node = nodes_find(run, ret_stat);
	if (node)
		return node;
	dev = ret_stat->st_dev;
	ino = ret_stat->st_ino;
	/* Times of network file systems may differ: what has the object's name is it.
	 */
	former = nodes_numbered(run, dev, ino);
	return former && objects_is_at(run, &former->place, dev, ino) ? former : NULL;
}

int look_stat(int fd, struct stat *ret_stat)
{
	return look_known(fd, "", AT_EMPTY_PATH, ret_stat);
}

bool look_is_root(const struct run *run, int fd)
{
	struct stat st;

	return look_stat(fd, &st) == 0 && st.st_dev == run->root_dev &&
	       st.st_ino == run->root_ino;
}

bool look_is_proc(const struct run *run, int fd)
{
	struct statfs fs;
	struct stat st;

	if (look_stat(fd, &st) < 0)
		return false;
	if (st.st_dev == run->proc_dev || major(st.st_dev) != 0)
		return st.st_dev == run->proc_dev;
	/* Another one of its kind, or tmpfs and the like; a server is not asked. */
	if (slowmounts_any(run->slow) && slowmounts_has_dev(run->slow, st.st_dev))
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
