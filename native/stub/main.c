/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which calls are answered inside of the tracee: those about names of the host, and
 * about descriptors that are not ours. Everything else is made where the program makes
 * it, and stops. */
#include <asm/unistd.h>
#include <fcntl.h>
#include <string.h>

#include "stub/birth.h"
#include "stub/change.h"
#include "stub/cvmfs.h"
#include "stub/directory.h"
#include "stub/found.h"
#include "stub/host.h"
#include "stub/hostpath.h"
#include "stub/program.h"

/* A link that is open is one of a skeleton, as a rule. */
static enum stub_verdict number(struct stub_frame *frame, const struct request *request)
{
	long result = stub_same_call(frame);
	struct place place;

	if (result < 0)
		return stub_done(frame, result);
	if (found_link(request))
		return STUB_SITE;
	if (!found_for_request(request))
		return stub_done(frame, result);
	return found_place_of(request, &place) ? cvmfs_show(frame, request, &place)
					       : STUB_SITE;
}

static enum stub_verdict absolute(struct stub_frame *frame,
				  const struct request *request)
{
	const struct place top = {.kind = PLACE_TOP};
	const char *rest;

	if (hostpath_is_plain(request->path))
		return host_answer(frame, request);
	rest = stub_state()->no_board ? NULL : cvmfs_rest(request->path);
	return rest ? cvmfs_answer(frame, request, &top, rest) : STUB_SITE;
}

static enum stub_verdict from_cwd(struct stub_frame *frame,
				  const struct request *request)
{
	const struct stub_cwd *cwd = &stub_state()->cwd;
	struct place place = {PLACE_ENTRY, cwd->mount, cwd->catalog, cwd->entry};

	if (cwd->is_ours)
		return cvmfs_answer(frame, request, &place, request->path);
	return cwd->is_unknown ? STUB_SITE : host_answer(frame, request);
}

/* The kernel finds nothing in a directory that stands for one of ours, but "." and
 * "..": so the host's are asked for first, unless the last one by this number was ours.
 */
static enum stub_verdict from_directory(struct stub_frame *frame,
					const struct request *request)
{
	const char *path = request->path;
	const bool dots =
		path[0] == '.' && (!path[1] || path[1] == '/' || path[1] == '.');
	struct place place;

	if (!dots && !found_was_ours(request->dirfd))
		return host_answer(frame, request);
	if (found_directory(request->dirfd, &place) == FOUND_PLACE)
		return cvmfs_answer(frame, request, &place, path);
	return dots ? STUB_SITE : host_answer(frame, request);
}

static enum stub_verdict name(struct stub_frame *frame, const struct request *request)
{
	const char *path = request->path;

	if (request_is_absurd((uint64_t)path) || request_lies_over(request))
		return STUB_SITE;
	if (!path[0])
		return request->descriptor && request->dirfd != AT_FDCWD
			       ? number(frame, request)
			       : STUB_SITE;
	if (request->writes)
		return change_open(frame, request);
	if (path[0] == '/')
		return absolute(frame, request);
	if (request->dirfd == AT_FDCWD)
		return from_cwd(frame, request);
	return from_directory(frame, request);
}

static enum stub_verdict own_directory(struct stub_frame *frame)
{
	const struct stub_state *state = stub_state();
	size_t size = 0;

	if (state->cwd.is_unknown)
		return STUB_SITE;
	if (!state->cwd.is_ours)
		return stub_done(frame, stub_same_call(frame));
	while (size < STUB_CWD && state->cwd_text[size])
		size++;
	if (!size || size == STUB_CWD || size >= frame->rsi ||
	    request_is_absurd(frame->rdi))
		return STUB_SITE;
	memcpy((char *)frame->rdi, state->cwd_text, size + 1);
	return stub_done(frame, (long)size + 1);
}

static enum stub_verdict decide(struct stub_frame *frame)
{
	struct request request = {.dirfd = -1};

	switch (frame->rax) {
	case __NR_getdents64:
		return directory_list(frame);
	case __NR_fstat:
		request.st = (struct stat *)frame->rsi;
		return request_is_absurd(frame->rsi) ? STUB_SITE
						     : number(frame, &request);
	case __NR_getcwd:
		return own_directory(frame);
	case __NR_clone3:
		return birth_leads(frame);
	case __NR_execve:
		if (!program_takes(frame->rsi, frame->rdx))
			return STUB_SITE;
		break;
	case __NR_execveat:
		if (!program_takes(frame->rdx, frame->r10))
			return STUB_SITE;
		break;
	default:
		break;
	}
	return request_take(frame, &request) ? name(frame, &request)
					     : change_make(frame);
}

enum stub_verdict stub_main(struct stub_frame *frame)
{
	struct stub_state *state = stub_state();
	enum stub_verdict verdict = state->dead ? STUB_SITE : decide(frame);

	if (verdict == STUB_DONE && state->count)
		__atomic_fetch_add((uint64_t *)state->count, 1, __ATOMIC_RELAXED);
	return verdict;
}
