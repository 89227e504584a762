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

#include "find/seen.h"
#include "run/trace.h"
#include "syscalls/handlers.h"

enum {
	PATH_OFFSET = offsetof(struct sockaddr_un, sun_path),
	ARRAY_OFFSET = 256, /* in the slot, behind an address */
	CALL_BIND = 2,	    /* of socketcall(), <linux/net.h> */
	CALL_CONNECT = 3
};

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

/* The arguments: the call's own, or an array that i386's socketcall() points to. */
struct socket_call {
	struct tracee *tracee;
	bool by_array;
	uint64_t args[3]; /* descriptor, address, size of the address */
};

static struct socket_call plain_call(struct tracee *tracee)
{
	const uint64_t *args = tracee->stop.args;

	return (struct socket_call){tracee, false, {args[0], args[1], args[2]}};
}

static bool read_path(const struct socket_call *call, char *ret_path)
{
	struct sockaddr_un address;
	int len = (int)call->args[2];

	if (len <= PATH_OFFSET || len > (int)sizeof(address))
		return false;
	memset(&address, 0, sizeof(address));
	if (tracee_read(call->tracee, call->args[1], &address, (size_t)len) < 0)
		return false;
	return path_of_address(&address, (size_t)len, ret_path) > 0;
}

/* An address, and the arguments where they are an array. */
static int write_call(const struct socket_call *call, uint64_t slot,
		      const struct sockaddr_un *address, size_t size)
{
	const uint64_t args[] = {call->args[0], slot, size};
	struct arch_regs *regs = &call->tracee->stop.regs;
	int result = tracee_write(call->tracee, slot, address, size);

	if (result == 0 && call->by_array) {
		result = tracee_write_pointers(call->tracee, slot + ARRAY_OFFSET, args,
					       3);
		arch_set_argument(regs, 1, slot + ARRAY_OFFSET);
	} else if (result == 0) {
		arch_set_argument(regs, 1, slot);
		arch_set_argument(regs, 2, size);
	}
	return result;
}

/* The kernel does the call with another path, in an address of `size` bytes. */
static enum verdict use_path(const struct socket_call *call, const char *path,
			     size_t size, stop_handler leave)
{
	struct tracee *tracee = call->tracee;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);
	int result;

	if (!slot)
		return verdict;
	memcpy(address.sun_path, path, strlen(path));
	result = write_call(call, slot, &address, size);
	if (result == -EFAULT && !tracee->memory->borrowed)
		return tracee_lost_region(tracee);
	if (result < 0) {
		tracee_free_slot(tracee);
		return tracee_answer(tracee, result);
	}
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
static enum verdict refuse(const struct socket_call *call, int error)
{
	call->tracee->stop.note[0] = (uint64_t)error;
	/* Of the same size, which other families look at. */
	return use_path(call, "/", (size_t)call->args[2], leave_refused);
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
	error = seen_access(&target->call, place,
			    place->kind == PLACE_TOP ? NULL : &target->walk.entry,
			    W_OK);
	return error ? error : ECONNREFUSED;
}

/* A link in /cvmfs may lead to a socket of the host. The kernel would walk any path
 * that the link has; an address of ours holds 107 bytes of it. */
static enum verdict use_elsewhere(const struct socket_call *call, struct target *target,
				  bool slash)
{
	char *path = target->elsewhere;
	size_t len = strlen(path);

	if (len + slash >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return refuse(call, ENAMETOOLONG);
	if (slash)
		memcpy(path + len++, "/", 2);
	return use_path(call, path, PATH_OFFSET + len + 1, tracee_leave_as_is);
}

/* A new name may end in slashes that name a directory: they are looked at last. */
static bool strip_slashes(char *path)
{
	size_t len = strlen(path), stripped = len;

	while (stripped > 1 && path[stripped - 1] == '/')
		path[--stripped] = '\0';
	return stripped < len;
}

static enum verdict bind_path(struct run *run, const struct socket_call *call)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct target target;
	bool slash;

	if (!read_path(call, path))
		return VERDICT_PASS;
	if (run->trace)
		trace_path(run->trace, 1, path);
	slash = strip_slashes(path);
	/* A link at the end is not followed: its name is taken. */
	target_find(&target, run, call->tracee, AT_FDCWD, path, 0);
	if (target.kind == TARGET_HOST)
		return VERDICT_PASS;
	if (target.kind == TARGET_QUESTION)
		return target_wait(&target);
	if (target.kind == TARGET_ELSEWHERE)
		return use_elsewhere(call, &target, slash);
	return refuse(call, bind_error(&target, slash));
}

static enum verdict connect_path(struct run *run, const struct socket_call *call)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct target target;

	if (!read_path(call, path))
		return VERDICT_PASS;
	if (run->trace)
		trace_path(run->trace, 1, path);
	target_find(&target, run, call->tracee, AT_FDCWD, path, TARGET_FOLLOW);
	if (target.kind == TARGET_HOST)
		return VERDICT_PASS;
	if (target.kind == TARGET_QUESTION)
		return target_wait(&target);
	if (target.kind == TARGET_ELSEWHERE)
		return use_elsewhere(call, &target, false);
	return refuse(call, connect_error(&target));
}

HANDLER(enter_bind)
{
	struct socket_call call = plain_call(tracee);

	return bind_path(run, &call);
}

HANDLER(enter_connect)
{
	struct socket_call call = plain_call(tracee);

	return connect_path(run, &call);
}

HANDLER(enter_socketcall)
{
	struct socket_call call = {.tracee = tracee, .by_array = true};

	if (tracee_read_pointers(tracee, tracee->stop.args[1], call.args, 3) < 0)
		return VERDICT_PASS;
	switch ((uint32_t)tracee->stop.args[0]) {
	case CALL_BIND:
		return bind_path(run, &call);
	case CALL_CONNECT:
		return connect_path(run, &call);
	default:
		return VERDICT_PASS;
	}
}
