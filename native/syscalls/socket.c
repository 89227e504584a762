/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind, connect with a path. Order of errors: unix_bind_bsd() and unix_find_bsd() of
 * Linux' net/unix/af_unix.c. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/trace.h"
#include "syscalls/handlers.h"

enum { PATH_OFFSET = offsetof(struct sockaddr_un, sun_path) };

/* The path in a socket address, `len` bytes of it, as unix_mkname_bsd() ends it. Its
 * length; 0: another family, or unnamed, or abstract. */
static size_t path_of_address(const struct sockaddr_un *address, size_t len,
			      char ret_path[sizeof(address->sun_path) + 1])
{
	size_t path_len;

	if (len <= PATH_OFFSET || len > sizeof(*address) ||
	    address->sun_family != AF_UNIX)
		return 0;
	path_len = strnlen(address->sun_path, len - PATH_OFFSET);
	memcpy(ret_path, address->sun_path, path_len);
	ret_path[path_len] = '\0';
	return path_len;
}

static bool read_path(struct tracee *tracee, char *ret_path)
{
	struct sockaddr_un address;
	int len = (int)tracee->stop.args[2];

	if (len <= PATH_OFFSET || len > (int)sizeof(address))
		return false;
	memset(&address, 0, sizeof(address));
	if (tracee_read(tracee, tracee->stop.args[1], &address, (size_t)len) < 0)
		return false;
	return path_of_address(&address, (size_t)len, ret_path) > 0;
}

/* The kernel does the call with another path, in an address of `size` bytes. */
static enum verdict use_path(struct tracee *tracee, const char *path, size_t size,
			     stop_handler leave)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);
	int result;

	if (!slot)
		return verdict;
	memcpy(address.sun_path, path, strlen(path));
	result = tracee_write(tracee, slot, &address, size);
	if (result == -EFAULT) {
		/* The program unmapped the region: make a new one. */
		tracee_free_slot(tracee);
		tracee->memory->region = 0;
		tracee->memory->slots_taken = 0;
		tracee_slot(tracee, &verdict);
		return verdict;
	}
	if (result < 0) {
		tracee_free_slot(tracee);
		return tracee_answer(tracee, result);
	}
	arch_set_argument(&tracee->stop.regs, 1, slot);
	arch_set_argument(&tracee->stop.regs, 2, size);
	tracee->stop.dirty = true;
	tracee->stop.leave = leave;
	return VERDICT_AT_EXIT;
}

/* "/" as a path is refused with one of these, after all checks of the descriptor. */
static enum verdict leave_refused(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	if (result == -EADDRINUSE || result == -ECONNREFUSED || result == -EACCES ||
	    result == -EROFS)
		result = -(int64_t)tracee->stop.note[0];
	return tracee_finish(tracee, result);
}

/* Whether the descriptor is a socket of that family is for the kernel to say, and comes
 * first: it does the call with a path that cannot succeed. */
static enum verdict refuse(struct tracee *tracee, int error)
{
	tracee->stop.note[0] = (uint64_t)error;
	/* Of the same size, which other families look at. */
	return use_path(tracee, "/", (size_t)tracee->stop.args[2], leave_refused);
}

/* filename_create() on a read-only mount. */
static int bind_error(const struct target *target, bool slash)
{
	if (target->kind == TARGET_OURS)
		return EADDRINUSE;
	if (!target->walk.missing_last)
		return target->walk.error;
	return slash ? ENOENT : EROFS;
}

/* MAY_WRITE first: EROFS for what is no special file. Nobody listens behind a read-only
 * repository. */
static int connect_error(struct target *target)
{
	const struct place *place = &target->walk.at;
	int error;

	if (target->kind == TARGET_MISSING)
		return target->walk.error;
	error = view_access(&target->view, place,
			    place->kind == PLACE_TOP ? NULL : &target->walk.entry,
			    W_OK);
	return error ? error : ECONNREFUSED;
}

/* A link in /cvmfs may lead to a socket of the host. The kernel would walk any path
 * that the link has; an address of ours holds 107 bytes of it. */
static enum verdict use_elsewhere(struct target *target, bool slash)
{
	struct tracee *tracee = target->view.tracee;
	char *path = target->elsewhere;
	size_t len = strlen(path);

	if (len + slash >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return refuse(tracee, ENAMETOOLONG);
	if (slash)
		memcpy(path + len++, "/", 2);
	return use_path(tracee, path, PATH_OFFSET + len + 1, tracee_leave_as_is);
}

/* A new name may end in slashes that name a directory: they are looked at last. */
static bool strip_slashes(char *path)
{
	size_t len = strlen(path), stripped = len;

	while (stripped > 1 && path[stripped - 1] == '/')
		path[--stripped] = '\0';
	return stripped < len;
}

HANDLER(enter_bind)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct target target;
	bool slash;

	if (!read_path(tracee, path))
		return VERDICT_PASS;
	if (run->trace)
		trace_path(run->trace, 1, path);
	slash = strip_slashes(path);
	/* A link at the end is not followed: its name is taken. */
	target_find(&target, run, tracee, AT_FDCWD, path, 0);
	if (target.kind == TARGET_HOST)
		return VERDICT_PASS;
	if (target.kind == TARGET_QUESTION)
		return target_wait(&target);
	if (target.kind == TARGET_ELSEWHERE)
		return use_elsewhere(&target, slash);
	return refuse(tracee, bind_error(&target, slash));
}

HANDLER(enter_connect)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct target target;

	if (!read_path(tracee, path))
		return VERDICT_PASS;
	if (run->trace)
		trace_path(run->trace, 1, path);
	target_find(&target, run, tracee, AT_FDCWD, path, TARGET_FOLLOW);
	if (target.kind == TARGET_HOST)
		return VERDICT_PASS;
	if (target.kind == TARGET_QUESTION)
		return target_wait(&target);
	if (target.kind == TARGET_ELSEWHERE)
		return use_elsewhere(&target, false);
	return refuse(tracee, connect_error(&target));
}
