/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stub/request.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <unistd.h>

#include "stub/hostpath.h"

#ifndef __NR_faccessat2
#define __NR_faccessat2 439
#endif

enum {
	/* Of an open that changes nothing. <fcntl.h> has no O_LARGEFILE but 0. */
	KERNEL_LARGEFILE = 0100000,
	PATH_SIZE = 4096,
	LONGEST_ATTRIBUTE = 255,
	MODE_BITS = 07777,
	OPEN_FLAGS = O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_DIRECTORY | O_NOCTTY |
		     O_PATH | O_NOATIME,
	WRITE_FLAGS = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_SYNC |
		      O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_NOATIME,
	STAT_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH,
	STATX_FLAGS = STAT_FLAGS | AT_STATX_SYNC_TYPE,
	ACCESS_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EACCESS
};

bool request_is_absurd(uint64_t address)
{
	return address < 65536 || address >= (1ull << 47) - 4096;
}

bool request_lies_over(const struct request *request)
{
	const char *answer =
		request->st ? (const char *)request->st : (const char *)request->stx;
	const size_t size = request->st ? sizeof(struct stat) : sizeof(struct statx);
	const char *end = request->path;

	if (!answer || answer - request->path > PATH_SIZE ||
	    request->path >= answer + size)
		return false;
	while (end < answer && *end)
		end++;
	return end >= answer;
}

static bool take_stat(struct request *request, uint64_t st)
{
	request->st = (struct stat *)st;
	return !request_is_absurd(st);
}

static bool take_stat_at(struct request *request, uint64_t st, uint64_t flags)
{
	request->follow = !(flags & AT_SYMLINK_NOFOLLOW);
	request->descriptor = flags & AT_EMPTY_PATH;
	return take_stat(request, st) && !(flags & ~(uint64_t)STAT_FLAGS);
}

static bool take_statx(struct request *request, const struct stub_frame *frame)
{
	const uint64_t stx = frame->r8, flags = frame->rdx;

	request->follow = !(flags & AT_SYMLINK_NOFOLLOW);
	request->descriptor = flags & AT_EMPTY_PATH;
	request->stx = (struct statx *)stx;
	request->mask = (uint32_t)frame->r10;
	return !request_is_absurd(stx) && !(flags & ~(uint64_t)STATX_FLAGS) &&
	       (flags & AT_STATX_SYNC_TYPE) != AT_STATX_SYNC_TYPE &&
	       !(request->mask & STATX__RESERVED);
}

/* A directory that was opened may be one of /proc, and nothing of ours may be written,
 * whoever asks. */
static bool take_access(struct request *request, uint64_t mask, uint64_t flags)
{
	request->follow = !(flags & AT_SYMLINK_NOFOLLOW);
	request->checks_deeply = mask & W_OK || request->dirfd != AT_FDCWD;
	request->rights = (int)mask;
	request->asks_rights = true;
	return !((uint32_t)mask & ~7u) && !(flags & ~(uint64_t)ACCESS_FLAGS);
}

static bool take_link(struct request *request, uint64_t text, uint64_t size)
{
	request->follow = false;
	request->link = (char *)text;
	request->size = (int)size;
	/* EINVAL comes before all else. */
	return !request_is_absurd(text) && request->size > 0;
}

/* Of names that need no rights, and lists. What the kernel finds it finds in the
 * object, so that no error tells whose file it was. */
static bool take_attribute(struct request *request, const char *name, uint64_t value,
			   uint64_t size)
{
	const uint64_t path = (uint64_t)request->path;

	request->attribute = name;
	request->checks_deeply = true;
	if (name[0] && !hostpath_begins(name, "security.") &&
	    !hostpath_begins(name, "system."))
		return false;
	for (int len = 0; name[len]; len++)
		if (len == LONGEST_ATTRIBUTE)
			return false;
	/* The kernel has taken the name of the file before it writes. */
	return !size || (!request_is_absurd(value) &&
			 (value + size <= path || value >= path + PATH_SIZE));
}

static bool take_attributes(struct request *request, const struct stub_frame *frame)
{
	request->follow = frame->rax == __NR_getxattr || frame->rax == __NR_listxattr;
	if (frame->rax == __NR_listxattr || frame->rax == __NR_llistxattr)
		return take_attribute(request, "", frame->rsi, frame->rdx);
	return !request_is_absurd(frame->rsi) &&
	       take_attribute(request, (const char *)frame->rsi, frame->rdx,
			      frame->r10) &&
	       request->attribute[0];
}

static bool take_open(struct request *request, uint64_t flags, uint64_t mode)
{
	request->opens = true;
	request->flags = (uint32_t)flags & ~(uint32_t)KERNEL_LARGEFILE;
	request->mode = mode & MODE_BITS;
	request->follow = !(flags & O_NOFOLLOW);
	request->writes = request->flags & ~(uint64_t)OPEN_FLAGS;
	return !request->writes || !(request->flags & ~(uint64_t)WRITE_FLAGS);
}

/* The descriptor matters to what is executed in other ways, too. */
static bool take_program_at(struct request *request, uint64_t flags)
{
	request->executes = true;
	return !flags && (request->path[0] == '/' || request->dirfd == AT_FDCWD);
}

bool request_take(const struct stub_frame *frame, struct request *ret_request)
{
	const struct stub_frame *f = frame;
	struct request *request = ret_request;

	*request = (struct request){
		.dirfd = AT_FDCWD, .follow = true, .path = (const char *)f->rdi};
	switch (f->rax) {
	case __NR_stat:
		return take_stat(request, f->rsi);
	case __NR_lstat:
		return take_stat_at(request, f->rsi, AT_SYMLINK_NOFOLLOW);
	case __NR_access:
		return take_access(request, f->rsi, 0);
	case __NR_readlink:
		return take_link(request, f->rsi, f->rdx);
	case __NR_open:
		return take_open(request, f->rsi, f->rdx);
	case __NR_execve:
		request->executes = true;
		return true;
	case __NR_getxattr:
	case __NR_lgetxattr:
	case __NR_listxattr:
	case __NR_llistxattr:
		return take_attributes(request, f);
	default:
		break;
	}
	request->dirfd = (int)f->rdi;
	request->path = (const char *)f->rsi;
	switch (f->rax) {
	case __NR_newfstatat:
		return take_stat_at(request, f->rdx, f->r10);
	case __NR_statx:
		return take_statx(request, f);
	case __NR_faccessat:
		return take_access(request, f->rdx, 0);
	case __NR_faccessat2:
		return take_access(request, f->rdx, f->r10);
	case __NR_readlinkat:
		return take_link(request, f->rdx, f->r10);
	case __NR_openat:
		return take_open(request, f->rdx, f->r10);
	case __NR_execveat:
		return !request_is_absurd(f->rsi) && take_program_at(request, f->r8);
	default:
		return false;
	}
}
