/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A link of the host may lead into /proc, where names of ours stand, or to /cvmfs,
 * which the kernel does not find. Nothing of the program's memory is touched after an
 * open: after a fault the whole call is made again, and nothing is to be done twice. */
#include "stub/host.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

#include "stub/cvmfs.h"
#include "stub/found.h"
#include "stub/hostpath.h"

#ifndef __NR_openat2
#define __NR_openat2 437
#endif

enum {
	/* With O_PATH openat() ignores all others, and openat2() refuses them. */
	PATH_FLAGS = O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY,
	MISSES_OF_A_SEARCH = 2,
	/* Of a link's text that is looked at; longer ones are rare. */
	LINK_SIZE = 256
};

long host_look_without_links(int dirfd, const char *path, bool follow)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
			       .resolve = RESOLVE_NO_SYMLINKS};
	long fd = stub_call(__NR_openat2, (uint64_t)(int64_t)dirfd, (uint64_t)path,
			    (uint64_t)&how, sizeof(how), 0);

	if (fd >= 0)
		stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return fd;
}

static long look_without_links(const struct request *request)
{
	return host_look_without_links(request->dirfd, request->path, request->follow);
}

/* A search asks for one missing name after the other: so after two of them the look
 * that decides comes first, and is the only one. access(2) may be made with other
 * rights than that. */
static bool is_missing_again(const struct request *request)
{
	struct hostpath text;

	return stub_state()->misses >= MISSES_OF_A_SEARCH &&
	       (request->st || request->stx) &&
	       (request->path[0] == '/' || request->dirfd == AT_FDCWD) &&
	       hostpath_scan(request->path, &text) && !text.dots && !text.cvmfs &&
	       look_without_links(request) == -ENOENT;
}

/* Written only when it changes: threads share it. */
static void note_miss(bool missed)
{
	struct stub_state *state = stub_state();
	const uint32_t misses = state->misses;

	if (!missed && misses)
		state->misses = 0;
	if (missed && misses < MISSES_OF_A_SEARCH)
		state->misses = misses + 1;
}

static enum stub_verdict missing(struct stub_frame *frame,
				 const struct request *request)
{
	const bool by_descriptor =
		request->path[0] != '/' && request->dirfd != AT_FDCWD;
	struct hostpath text;
	enum found found = FOUND_HOST;
	struct place place;

	if (by_descriptor)
		found = found_directory(request->dirfd, &place);
	if (found == FOUND_PLACE)
		return cvmfs_answer(frame, request, &place, request->path);
	if (found == FOUND_UNKNOWN || !hostpath_scan(request->path, &text) ||
	    text.dots || text.cvmfs)
		return STUB_SITE;
	return look_without_links(request) == -ENOENT ? stub_done(frame, -ENOENT)
						      : STUB_SITE;
}

/* Opened as it was asked for, and looked at afterwards. */
static enum stub_verdict open_and_look(struct stub_frame *frame)
{
	long fd = stub_same_call(frame);

	if (fd == -ENOENT)
		return STUB_MISSING;
	if (fd < 0 || !found_descriptor((int)fd))
		return stub_done(frame, fd);
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return STUB_SITE;
}

/* Where no link is on the way the name itself says whether it is in /proc. */
__attribute__((noinline)) static enum stub_verdict
open_host(struct stub_frame *frame, const struct request *request)
{
	struct open_how how = {.flags = request->flags, .resolve = RESOLVE_NO_SYMLINKS};
	struct hostpath text;
	long fd;

	if (stub_state()->proc_elsewhere || !hostpath_scan(request->path, &text) ||
	    text.dots || text.proc || text.cvmfs ||
	    (request->path[0] != '/' && request->dirfd != AT_FDCWD) ||
	    (request->flags & O_PATH && request->flags & ~(uint64_t)PATH_FLAGS))
		return open_and_look(frame);
	fd = stub_call(__NR_openat2, (uint64_t)(int64_t)request->dirfd,
		       (uint64_t)request->path, (uint64_t)&how, sizeof(how), 0);
	/* An old kernel, or a container's filter, has no such call; and of a link
	 * nothing is known yet. */
	if (fd < 0 && fd != -ENOENT && fd != -EINTR)
		return open_and_look(frame);
	return stub_done(frame, fd);
}

/* The program's buffer is not touched before the text is known not to be ours: what
 * comes instead may be shorter. */
__attribute__((noinline)) static enum stub_verdict
read_link(struct stub_frame *frame, const struct request *request)
{
	char text[LINK_SIZE];
	long size = stub_call(__NR_readlinkat, (uint64_t)(int64_t)request->dirfd,
			      (uint64_t)request->path, (uint64_t)text, sizeof(text), 0);

	if (size == -ENOENT)
		return STUB_MISSING;
	if (size < 0)
		return stub_done(frame, size);
	if (size == (long)sizeof(text) || hostpath_names_ours(text, (size_t)size))
		return STUB_SITE;
	if (size > request->size)
		size = request->size;
	memcpy(request->link, text, (size_t)size);
	return stub_done(frame, size);
}

__attribute__((noinline)) static enum stub_verdict look(struct stub_frame *frame,
							const struct request *request)
{
	long result;

	if (is_missing_again(request))
		return stub_done(frame, -ENOENT);
	result = stub_same_call(frame);
	note_miss(result == -ENOENT);
	if (result == -ENOENT)
		return STUB_MISSING;
	if (result < 0 && !request->attribute)
		return stub_done(frame, result);
	if (request->checks_deeply
		    ? found_by_name(request)
		    : (request->st || request->stx) && found_for_request(request))
		return STUB_SITE;
	return stub_done(frame, result);
}

/* Where no link is on the way an open fails as an execution does. What is there is
 * executed at the call's place. */
static enum stub_verdict look_for_program(struct stub_frame *frame,
					  const struct request *request)
{
	struct hostpath text;
	long error;

	if (!hostpath_scan(request->path, &text) || text.dots || text.cvmfs)
		return STUB_SITE;
	error = look_without_links(request);
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES
		       ? stub_done(frame, error)
		       : STUB_SITE;
}

enum stub_verdict host_answer(struct stub_frame *frame, const struct request *request)
{
	enum stub_verdict verdict;

	if (request->executes)
		verdict = look_for_program(frame, request);
	else if (request->opens)
		verdict = open_host(frame, request);
	else if (request->link)
		verdict = read_link(frame, request);
	else
		verdict = look(frame, request);
	return verdict == STUB_MISSING ? missing(frame, request) : verdict;
}
