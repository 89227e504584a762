/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getxattr, listxattr and their l, f and at forms. Order of errors:
 * import_xattr_name(), xattr_permission(), do_getxattr() of Linux' fs/xattr.c; what the
 * file system itself says is the official client's answer (docs/format.md 11.4). */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/seen.h"
#include "run/broken.h"
#include "run/channel.h"
#include "run/mounts.h"
#include "syscalls/handlers.h"
#include "tracee/descriptors.h"

enum { ARGS_SIZE_MIN = 16, ARGS_SIZE_MAX = 4096 };

/* struct xattr_args of getxattrat(2), Linux 6.13: older headers lack it. */
struct args {
	uint64_t value;
	uint32_t size, flags;
};

_Static_assert(sizeof(struct args) == ARGS_SIZE_MIN, "XATTR_ARGS_SIZE_VER0");

/* One call, whichever form it came by. */
struct asking {
	bool list;
	int dirfd_argument; /* -1: none */
	int path_argument;  /* -1: by descriptor, the first argument */
	unsigned int flags; /* enum target_flag */
	uint64_t name;	    /* address */
	uint64_t buffer, size;
};

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* 0, or the errno with which the kernel refuses before it asks the file system. */
static int permission_error(struct target *target, const char *name)
{
	const struct place *place = &target->walk.at;
	const struct interpose_entry *entry =
		place->kind == PLACE_TOP ? NULL : &target->walk.entry;
	mode_t mode = entry ? entry->mode : S_IFDIR;

	if (begins(name, "security.") || begins(name, "system."))
		return 0;
	if (begins(name, "trusted."))
		return credentials_rule(target->call.run, target->call.tracee,
					CAP_SYS_ADMIN)
			       ? 0
			       : ENODATA;
	if (begins(name, "user.") && !S_ISREG(mode) && !S_ISDIR(mode))
		return ENODATA;
	return seen_access(&target->call, place, entry, R_OK);
}

/* True if the resolver would only say what is known here. */
static bool has_none(const struct target *target, const char *name)
{
	const struct place *place = &target->walk.at;

	return place->kind != PLACE_ENTRY ||
	       shown_lacks_attribute(
		       mounts_record(target->call.run->mounts, place->mount),
		       &target->walk.entry, mounts_is_root(place), name);
}

static enum verdict give(struct tracee *tracee, const struct asking *asking,
			 const struct channel_answer *answer)
{
	const size_t most = asking->list ? XATTR_LIST_MAX : XATTR_SIZE_MAX;
	size_t len = answer->body_len;
	int result;

	if (answer->error)
		return tracee_answer(tracee, -answer->error);
	if (asking->size == 0)
		return tracee_answer(tracee, (int64_t)(len < most ? len : most));
	if (len > asking->size || len > most)
		return tracee_answer(tracee, asking->size >= most ? -E2BIG : -ERANGE);
	result = tracee_write(tracee, asking->buffer, answer->body, len);
	return tracee_answer(tracee, result < 0 ? result : (int64_t)len);
}

static enum verdict ask(struct target *target, const char *name)
{
	struct call *call = &target->call;
	const struct mounts *mounts = call->run->mounts;
	const struct place *place = &target->walk.at;
	char body[PATH_MAX + 128 + 1 + XATTR_NAME_MAX];
	struct channel_question question = {.kind = INTERPOSE_XATTR,
					    .entry = place->entry,
					    .fqrn = mounts_fqrn(mounts, place->mount),
					    .body = body};
	int len = mounts_question_body(mounts, place, body, PATH_MAX + 128);
	int id;

	if (len < 0) {
		broken_tell(call->run, BROKEN_MEMORY, question.fqrn, len);
		return tracee_answer(call->tracee, -EIO);
	}
	body[len++] = '\0';
	memcpy(body + len, name, strlen(name));
	question.body_len = (size_t)len + strlen(name);
	id = channel_ask(call->run->channel, &question);
	call->run->counters.questions++;
	broken_question(call->run, id);
	if (id <= 0)
		return tracee_answer(call->tracee, -EIO);
	call->question = (uint32_t)id;
	return target_wait(target);
}

/* The resolver knows: stored attributes, and what the official client makes up. */
static enum verdict ask_or_give(struct target *target, const struct asking *asking,
				const char *name)
{
	struct tracee *tracee = target->call.tracee;
	struct channel *channel = target->call.run->channel;
	uint32_t id = tracee->question;
	enum channel_state state = CHANNEL_UNKNOWN;
	struct channel_answer answer;
	enum verdict verdict;

	if (id)
		state = channel_look(channel, id, &answer);
	if (state == CHANNEL_UNKNOWN)
		return ask(target, name);
	if (state == CHANNEL_UNDER_WAY) {
		target->call.question = id;
		return target_wait(target);
	}
	verdict = give(tracee, asking, &answer);
	channel_forget(channel, id);
	return verdict;
}

static enum verdict answer_ours(struct target *target, const struct asking *asking,
				const char *name)
{
	struct tracee *tracee = target->call.tracee;
	int error = asking->list ? 0 : permission_error(target, name);

	if (error)
		return tracee_answer(tracee, -error);
	if (has_none(target, name))
		return tracee_answer(tracee, asking->list ? 0 : -ENODATA);
	return ask_or_give(target, asking, name);
}

/* 0 or the errno of a name that the kernel would not take. */
static int read_name(struct tracee *tracee, const struct asking *asking, char *name,
		     size_t size)
{
	int len;

	name[0] = '\0';
	if (asking->list)
		return 0;
	len = tracee_read_string(tracee, asking->name, name, size);
	if (len == 0 || len == -ENAMETOOLONG)
		return ERANGE;
	return len < 0 ? -len : 0;
}

/* False: *ret_verdict is the verdict. */
static bool find(struct target *target, struct run *run, struct tracee *tracee,
		 const struct asking *asking, enum verdict *ret_verdict)
{
	if (asking->path_argument >= 0)
		return target_of_call(target, run, tracee, asking->dirfd_argument,
				      asking->path_argument, asking->flags,
				      ret_verdict);
	target_of_descriptor(target, run, tracee, (int)tracee->stop.args[0]);
	*ret_verdict =
		target->kind == TARGET_QUESTION ? target_wait(target) : VERDICT_PASS;
	return target->kind == TARGET_OURS;
}

static enum verdict ask_any(struct run *run, struct tracee *tracee,
			    const struct asking *asking)
{
	char name[XATTR_NAME_MAX + 1];
	struct target target;
	enum verdict verdict;
	int error;

	if (!find(&target, run, tracee, asking, &verdict))
		return verdict;
	if (target.kind == TARGET_ELSEWHERE)
		return target_elsewhere(&target, (unsigned int)asking->path_argument);
	error = read_name(tracee, asking, name, sizeof(name));
	if (error)
		return tracee_answer(tracee, -error);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	if (target.empty_path && target.descriptor >= 0 &&
	    descriptors_flags(tracee->tid, target.descriptor) & O_PATH)
		return VERDICT_PASS; /* EBADF */
	return answer_ours(&target, asking, name);
}

static enum verdict get_path(struct run *run, struct tracee *tracee, unsigned int flags)
{
	const uint64_t *args = tracee->stop.args;
	struct asking asking = {.dirfd_argument = -1,
				.flags = flags,
				.name = args[1],
				.buffer = args[2],
				.size = args[3]};

	return ask_any(run, tracee, &asking);
}

HANDLER(enter_getxattr)
{
	return get_path(run, tracee, TARGET_FOLLOW);
}

HANDLER(enter_lgetxattr)
{
	return get_path(run, tracee, 0);
}

HANDLER(enter_fgetxattr)
{
	const uint64_t *args = tracee->stop.args;
	struct asking asking = {.dirfd_argument = -1,
				.path_argument = -1,
				.name = args[1],
				.buffer = args[2],
				.size = args[3]};

	return ask_any(run, tracee, &asking);
}

static enum verdict list_path(struct run *run, struct tracee *tracee,
			      unsigned int flags)
{
	const uint64_t *args = tracee->stop.args;
	struct asking asking = {.list = true,
				.dirfd_argument = -1,
				.flags = flags,
				.buffer = args[1],
				.size = args[2]};

	return ask_any(run, tracee, &asking);
}

HANDLER(enter_listxattr)
{
	return list_path(run, tracee, TARGET_FOLLOW);
}

HANDLER(enter_llistxattr)
{
	return list_path(run, tracee, 0);
}

HANDLER(enter_flistxattr)
{
	const uint64_t *args = tracee->stop.args;
	struct asking asking = {.list = true,
				.dirfd_argument = -1,
				.path_argument = -1,
				.buffer = args[1],
				.size = args[2]};

	return ask_any(run, tracee, &asking);
}

/* ---- the at forms ---- */

static bool knows_flags(uint64_t at_flags)
{
	return !((uint32_t)at_flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
}

static unsigned int follow_of(uint64_t at_flags)
{
	unsigned int flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW;

	return at_flags & AT_EMPTY_PATH ? flags | TARGET_EMPTY_PATH | TARGET_NULL_PATH
					: flags;
}

/* copy_struct_from_user(): false where the kernel refuses, whatever the path is. */
static bool read_args(struct tracee *tracee, struct args *ret_args)
{
	uint64_t size = tracee->stop.args[5];
	uint8_t bytes[ARGS_SIZE_MAX];

	if (size < ARGS_SIZE_MIN || size > sizeof(bytes) ||
	    tracee_read(tracee, tracee->stop.args[4], bytes, size) < 0)
		return false;
	for (size_t i = ARGS_SIZE_MIN; i < size; i++) {
		if (bytes[i])
			return false;
	}
	memcpy(ret_args, bytes, sizeof(*ret_args));
	return ret_args->flags == 0;
}

HANDLER(enter_getxattrat)
{
	const uint64_t *call = tracee->stop.args;
	struct asking asking = {
		.path_argument = 1, .flags = follow_of(call[2]), .name = call[3]};
	struct args args;

	if (!knows_flags(call[2]) || !read_args(tracee, &args))
		return VERDICT_PASS;
	asking.buffer = args.value;
	asking.size = args.size;
	return ask_any(run, tracee, &asking);
}

HANDLER(enter_listxattrat)
{
	const uint64_t *call = tracee->stop.args;
	struct asking asking = {.list = true,
				.path_argument = 1,
				.flags = follow_of(call[2]),
				.buffer = call[3],
				.size = call[4]};

	if (!knows_flags(call[2]))
		return VERDICT_PASS;
	return ask_any(run, tracee, &asking);
}
