/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A name that is changed is the host's if no link is on the way to it, so that none
 * leads to /cvmfs or into /proc. Then the program's own call is made. What is looked at
 * first is not what is changed, if somebody puts a link there in between: so may
 * somebody just before. */
#include "stub/change.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include "stub/found.h"
#include "stub/host.h"
#include "stub/hostpath.h"
#include "stub/request.h"

#ifndef __NR_openat2
#define __NR_openat2 437
#endif

enum { MOST_DESCRIPTORS = 1 << 20 };

struct named {
	int dirfd;
	const char *path;
	bool follow; /* a link at its end */
};

struct change {
	struct named names[2];
	int count;
	int descriptor; /* without a name: what is changed */
};

static void add(struct change *change, uint64_t dirfd, uint64_t path, bool follow)
{
	change->names[change->count++] =
		(struct named){(int)dirfd, (const char *)path, follow};
}

static void add_here(struct change *change, uint64_t path, bool follow)
{
	add(change, (uint64_t)AT_FDCWD, path, follow);
}

static bool only(uint64_t flags, uint64_t known)
{
	return !((uint32_t)flags & ~known);
}

static bool take_by_path(const struct stub_frame *f, struct change *change)
{
	switch (f->rax) {
	case __NR_mkdir:
	case __NR_rmdir:
	case __NR_unlink:
	case __NR_lchown:
		add_here(change, f->rdi, false);
		return true;
	case __NR_chmod:
	case __NR_chown:
	case __NR_truncate:
		add_here(change, f->rdi, true);
		return true;
	case __NR_symlink:
		add_here(change, f->rsi, false);
		return true;
	case __NR_link:
	case __NR_rename:
		add_here(change, f->rdi, false);
		add_here(change, f->rsi, false);
		return true;
	default:
		return false;
	}
}

static bool take_by_directory(const struct stub_frame *f, struct change *change)
{
	switch (f->rax) {
	case __NR_mkdirat:
		add(change, f->rdi, f->rsi, false);
		return true;
	case __NR_unlinkat:
		add(change, f->rdi, f->rsi, false);
		return only(f->rdx, AT_REMOVEDIR);
	case __NR_symlinkat:
		add(change, f->rsi, f->rdx, false);
		return true;
	case __NR_linkat:
		add(change, f->rdi, f->rsi, false);
		add(change, f->rdx, f->r10, false);
		return only(f->r8, 0);
	case __NR_renameat:
	case __NR_renameat2:
		add(change, f->rdi, f->rsi, false);
		add(change, f->rdx, f->r10, false);
		return true;
	case __NR_fchmodat:
		add(change, f->rdi, f->rsi, true);
		return true;
	case __NR_fchownat:
		add(change, f->rdi, f->rsi, !(f->r8 & AT_SYMLINK_NOFOLLOW));
		return only(f->r8, AT_SYMLINK_NOFOLLOW);
	case __NR_utimensat:
		add(change, f->rdi, f->rsi, !(f->r10 & AT_SYMLINK_NOFOLLOW));
		return only(f->r10, AT_SYMLINK_NOFOLLOW);
	default:
		return false;
	}
}

static bool take(const struct stub_frame *f, struct change *change)
{
	change->count = 0;
	change->descriptor = (int)f->rdi;
	if (f->rax == __NR_fchmod || f->rax == __NR_fchown)
		return true;
	/* Times of an open file. */
	if (f->rax == __NR_utimensat && !f->rsi)
		return only(f->r10, 0);
	return take_by_path(f, change) || take_by_directory(f, change);
}

/* ---- whose is it? ---- */

static bool starts_on_host(int dirfd, const char *path)
{
	const struct stub_cwd *cwd = &stub_state()->cwd;
	struct place place;

	if (path[0] == '/')
		return hostpath_is_plain(path);
	if (dirfd == AT_FDCWD)
		return !cwd->is_ours && !cwd->is_unknown;
	return found_directory(dirfd, &place) == FOUND_HOST;
}

/* "./" as often as it is there, with more slashes. */
static const char *skip_here(const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		for (path++; *path == '/';)
			path++;
	return path;
}

/* As far as the text tells, if no link is on the way. */
static bool reads_as_host(int dirfd, const char *path)
{
	struct hostpath text;

	return !request_is_absurd((uint64_t)path) && path[0] &&
	       hostpath_scan(skip_here(path), &text) && !text.dots && !text.proc &&
	       !text.cvmfs && starts_on_host(dirfd, path);
}

/* One name alone has no way. */
static bool is_simple(const char *path)
{
	path = skip_here(path);
	while (*path && *path != '/')
		path++;
	return !*path;
}

/* "/proc/self/fd/N", by which the C library changes modes of what may be a link: the
 * number; -1: another name. */
static int own_descriptor(const char *path)
{
	static const char folder[] = "/proc/self/fd/";
	int number = 0;

	if (!hostpath_begins(path, folder))
		return -1;
	path += sizeof(folder) - 1;
	if (!*path)
		return -1;
	for (; *path >= '0' && *path <= '9' && number < MOST_DESCRIPTORS; path++)
		number = number * 10 + *path - '0';
	return *path ? -1 : number;
}

/* A link that is open is one of a skeleton, as a rule. */
static bool is_open_on_host(int fd)
{
	struct stat st;

	return stub_call(__NR_fstat, (uint64_t)(int64_t)fd, (uint64_t)&st, 0, 0, 0) ==
		       0 &&
	       !S_ISLNK(st.st_mode) &&
	       !found_may_be_ours(st.st_dev, st.st_ino, st.st_mode);
}

static bool is_on_host(const struct named *named)
{
	const int own = request_is_absurd((uint64_t)named->path)
				? -1
				: own_descriptor(named->path);
	long found;

	if (own >= 0)
		return named->follow && is_open_on_host(own);
	if (!reads_as_host(named->dirfd, named->path))
		return false;
	if (!named->follow && is_simple(named->path))
		return true;
	if (stub_state()->proc_elsewhere)
		return false;
	found = host_look_without_links(named->dirfd, named->path, named->follow);
	return found >= 0 || found == -ENOENT;
}

/* ---- the calls ---- */

enum stub_verdict change_make(struct stub_frame *frame)
{
	struct change change;

	if (!take(frame, &change))
		return STUB_SITE;
	if (!change.count && !is_open_on_host(change.descriptor))
		return STUB_SITE;
	for (int i = 0; i < change.count; i++)
		if (!is_on_host(&change.names[i]))
			return STUB_SITE;
	return stub_done(frame, stub_same_call(frame));
}

enum stub_verdict change_open(struct stub_frame *frame, const struct request *request)
{
	struct open_how how = {.flags = request->flags,
			       .mode = request->flags & O_CREAT ? request->mode : 0,
			       .resolve = RESOLVE_NO_SYMLINKS};
	long fd;

	if (stub_state()->proc_elsewhere ||
	    !reads_as_host(request->dirfd, request->path))
		return STUB_SITE;
	fd = stub_call(__NR_openat2, (uint64_t)(int64_t)request->dirfd,
		       (uint64_t)request->path, (uint64_t)&how, sizeof(how), 0);
	switch (fd) {
	case -ELOOP:
	/* An old kernel, or a container's filter. */
	case -ENOSYS:
	case -EPERM:
	case -EINVAL:
		return STUB_SITE;
	default:
		return stub_done(frame, fd);
	}
}
