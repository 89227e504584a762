/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that make or remove names. Nothing below /cvmfs can change; what counts is the
 * order in which a read-only mount reports its errors (fs/namei.c: filename_create,
 * do_unlinkat, do_rmdir, do_renameat2, do_linkat). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "find/look.h"
#include "syscalls/handlers.h"
#include "syscalls/refuse.h"

/* filename_create() on a read-only mount. */
static int create_error(const struct target *target, bool directory)
{
	if (target->kind == TARGET_OURS)
		return EEXIST;
	if (!target->walk.missing_last)
		return target->walk.error;
	if (target->walk.trailing_slash && !directory)
		return ENOENT;
	return EROFS;
}

static enum verdict create_at(struct run *run, struct tracee *tracee,
			      int dirfd_argument, int path_argument, bool directory)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call_in_cvmfs(&target, run, tracee, dirfd_argument,
				     path_argument, TARGET_CREATE, &verdict))
		return verdict;
	return refuse_path(tracee, dirfd_argument, path_argument,
			   create_error(&target, directory));
}

HANDLER(enter_mkdir)
{
	return create_at(run, tracee, -1, 0, true);
}

HANDLER(enter_mkdirat)
{
	return create_at(run, tracee, 0, 1, true);
}

HANDLER(enter_mknod)
{
	return create_at(run, tracee, -1, 0, false);
}

HANDLER(enter_mknodat)
{
	return create_at(run, tracee, 0, 1, false);
}

/* Its text comes first: missing or empty, the kernel says so itself. */
static bool has_text(struct tracee *tracee)
{
	char text[4096];

	return tracee_read_string(tracee, tracee->stop.args[0], text, sizeof(text)) > 0;
}

HANDLER(enter_symlink)
{
	if (!has_text(tracee))
		return VERDICT_PASS;
	return create_at(run, tracee, -1, 1, false);
}

HANDLER(enter_symlinkat)
{
	if (!has_text(tracee))
		return VERDICT_PASS;
	return create_at(run, tracee, 1, 2, false);
}

/* ---- names that go away: the last name is not even looked at ---- */

enum removal { REMOVE_FILE, REMOVE_DIRECTORY };

static int removal_error(const struct target *target, enum removal removal)
{
	const struct walk *walk = &target->walk;

	if (target->kind == TARGET_MISSING)
		return walk->error;
	if (!walk->last_is_dot)
		return EROFS;
	if (removal == REMOVE_FILE)
		return EISDIR;
	return walk->last_len == 1 ? EINVAL : ENOTEMPTY;
}

/* /cvmfs itself is a name in the host's root, and /proc is there too: what the kernel
 * says of a directory that something is mounted on is right for both. */
static void stand_in_for_top(struct target *target)
{
	if (target->kind != TARGET_OURS || target->walk.last)
		return;
	strcpy(target->elsewhere, "/proc");
	target->kind = TARGET_ELSEWHERE;
}

static enum verdict remove_at(struct run *run, struct tracee *tracee,
			      int dirfd_argument, int path_argument,
			      enum removal removal)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call(&target, run, tracee, dirfd_argument, path_argument,
			    TARGET_PARENT, &verdict))
		return verdict;
	stand_in_for_top(&target);
	if (target.kind == TARGET_ELSEWHERE)
		return target_elsewhere(&target, (unsigned int)path_argument);
	return tracee_answer(tracee, -removal_error(&target, removal));
}

HANDLER(enter_unlink)
{
	return remove_at(run, tracee, -1, 0, REMOVE_FILE);
}

HANDLER(enter_rmdir)
{
	return remove_at(run, tracee, -1, 0, REMOVE_DIRECTORY);
}

HANDLER(enter_unlinkat)
{
	uint64_t flags = (uint32_t)tracee->stop.args[2];

	if (flags & ~(uint64_t)AT_REMOVEDIR)
		return VERDICT_PASS; /* EINVAL comes first */
	return remove_at(run, tracee, 0, 1,
			 flags & AT_REMOVEDIR ? REMOVE_DIRECTORY : REMOVE_FILE);
}

/* ---- two names ---- */

/* Both are found (not TARGET_QUESTION); at least one is not the host's business. */
static enum verdict two_elsewhere(struct target *one, unsigned int position,
				  struct target *two, unsigned int other)
{
	struct redirection list[2];
	size_t count = 0;

	if (one->kind == TARGET_ELSEWHERE)
		list[count++] = (struct redirection){position, one->elsewhere};
	if (two->kind == TARGET_ELSEWHERE)
		list[count++] = (struct redirection){other, two->elsewhere};
	return tracee_redirect(one->call.tracee, list, count, tracee_leave_as_is);
}

static bool is_host(const struct target *target)
{
	return target->kind == TARGET_HOST || target->kind == TARGET_ELSEWHERE;
}

/* One name is the host's. The kernel looks at it, with another one for ours, and says
 * EXDEV where nothing else is wrong. */
static enum verdict leave_across(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	if (result == -EXDEV)
		result = -(int64_t)tracee->stop.note[0];
	return tracee_finish(tracee, result);
}

static enum verdict across(struct target *ours, unsigned int position,
			   struct target *hosts, unsigned int other)
{
	struct tracee *tracee = ours->call.tracee;
	/* Another mount than the other name's. */
	struct redirection list[2] = {
		{position, hosts->in_proc ? "/" : "/proc/version"},
		{other, hosts->elsewhere}};
	enum verdict verdict;

	verdict = tracee_redirect(tracee, list, hosts->kind == TARGET_ELSEWHERE ? 2 : 1,
				  leave_across);
	tracee->stop.note[0] =
		(uint64_t)(ours->kind == TARGET_MISSING ? ours->walk.error : EXDEV);
	return verdict;
}

/* The kernel names the reason, once it has looked for the first name: one of ours, or
 * where it leads on the host. */
static enum verdict second_is_bad(struct target *from, unsigned int first)
{
	struct redirection redirection = {first, "/proc/version"};

	if (from->kind == TARGET_MISSING)
		return target_missing(from);
	if (from->kind == TARGET_ELSEWHERE)
		return target_elsewhere(from, first);
	return tracee_redirect(from->call.tracee, &redirection, 1, tracee_leave_as_is);
}

static int rename_error(const struct target *from, const struct target *to, bool fresh)
{
	if (from->kind == TARGET_MISSING)
		return from->walk.error;
	if (to->kind == TARGET_MISSING)
		return to->walk.error;
	if (from->walk.at.kind != to->walk.at.kind ||
	    (from->walk.at.kind == PLACE_ENTRY &&
	     from->walk.at.mount != to->walk.at.mount))
		return EXDEV;
	if (from->walk.last_is_dot)
		return EBUSY;
	if (to->walk.last_is_dot)
		return fresh ? EEXIST : EBUSY;
	return EROFS;
}

static enum verdict rename_at(struct run *run, struct tracee *tracee, const int at[4],
			      bool fresh)
{
	struct target from, to;
	enum verdict verdict;
	bool ours = target_of_call(&from, run, tracee, at[0], at[1], TARGET_PARENT,
				   &verdict);

	if (!ours && (verdict != VERDICT_PASS || from.bad_name))
		return verdict;
	ours |= target_of_call(&to, run, tracee, at[2], at[3], TARGET_PARENT, &verdict);
	if (verdict == VERDICT_WAIT)
		return verdict;
	if (!ours)
		return VERDICT_PASS;
	if (to.bad_name)
		return second_is_bad(&from, (unsigned int)at[1]);
	stand_in_for_top(&from);
	stand_in_for_top(&to);
	if (is_host(&from) && is_host(&to))
		return two_elsewhere(&from, (unsigned int)at[1], &to,
				     (unsigned int)at[3]);
	if (is_host(&to) && from.kind == TARGET_OURS)
		return across(&from, (unsigned int)at[1], &to, (unsigned int)at[3]);
	if (is_host(&from))
		return across(&to, (unsigned int)at[3], &from, (unsigned int)at[1]);
	return refuse_two(tracee, at, rename_error(&from, &to, fresh));
}

HANDLER(enter_rename)
{
	return rename_at(run, tracee, (const int[]){-1, 0, -1, 1}, false);
}

HANDLER(enter_renameat)
{
	return rename_at(run, tracee, (const int[]){0, 1, 2, 3}, false);
}

HANDLER(enter_renameat2)
{
	uint64_t flags = (uint32_t)tracee->stop.args[4];

	/* EINVAL comes first. */
	if ((flags & ~7ul) || ((flags & RENAME_EXCHANGE) &&
			       (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))))
		return VERDICT_PASS;
	return rename_at(run, tracee, (const int[]){0, 1, 2, 3},
			 flags & RENAME_NOREPLACE);
}

/* The kernel looks at the first name, before it finds that the other one exists. */
static enum verdict leave_existing(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	if (result == -EEXIST)
		result = -(int64_t)tracee->stop.note[0];
	return tracee_finish(tracee, result);
}

static enum verdict link_from_host(struct target *from, unsigned int position,
				   struct target *to, unsigned int other)
{
	struct redirection list[2] = {{other, "/proc/version"},
				      {position, from->elsewhere}};
	enum verdict verdict =
		tracee_redirect(from->call.tracee, list,
				from->kind == TARGET_ELSEWHERE ? 2 : 1, leave_existing);

	from->call.tracee->stop.note[0] = (uint64_t)create_error(to, false);
	return verdict;
}

static enum verdict link_at(struct run *run, struct tracee *tracee, const int at[4],
			    unsigned int flags)
{
	struct target from, to;
	enum verdict verdict;
	bool ours = target_of_call(&from, run, tracee, at[0], at[1], flags, &verdict);

	if (!ours && (verdict != VERDICT_PASS || from.bad_name))
		return verdict;
	ours |= target_of_call(&to, run, tracee, at[2], at[3], TARGET_CREATE, &verdict);
	if (verdict == VERDICT_WAIT)
		return verdict;
	if (!ours)
		return VERDICT_PASS;
	if (to.bad_name)
		return second_is_bad(&from, (unsigned int)at[1]);
	if (from.kind == TARGET_MISSING)
		return tracee_answer(tracee, -from.walk.error);
	if (is_host(&from) && is_host(&to))
		return two_elsewhere(&from, (unsigned int)at[1], &to,
				     (unsigned int)at[3]);
	if (is_host(&to))
		return across(&from, (unsigned int)at[1], &to, (unsigned int)at[3]);
	if (is_host(&from))
		return link_from_host(&from, (unsigned int)at[1], &to,
				      (unsigned int)at[3]);
	return tracee_answer(tracee, -create_error(&to, false));
}

HANDLER(enter_link)
{
	return link_at(run, tracee, (const int[]){-1, 0, -1, 1}, 0);
}

/* Whose descriptor may be linked by "" is the kernel's to say, and it says so of every
 * path below one: by ENOENT before it looks at "/", which exists. */
static enum verdict leave_permitted(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	if (result != -EEXIST)
		return tracee_finish(tracee, result);
	tracee->tries = 1;
	return tracee_again(tracee);
}

/* Asks it about a descriptor of ours, once for each call. */
static bool is_unasked(struct run *run, struct tracee *tracee, bool *ret_empty)
{
	struct target target;
	char name[4096];

	/* A name that cannot be read is found out first. */
	if (tracee->tries || (int)tracee->stop.args[0] == AT_FDCWD ||
	    tracee_read_string(tracee, tracee->stop.args[1], name, sizeof(name)) < 0 ||
	    name[0] == '/')
		return false;
	*ret_empty = name[0] == '\0';
	target_of_descriptor(&target, run, tracee, (int)tracee->stop.args[0]);
	return target.kind == TARGET_OURS;
}

HANDLER(enter_linkat)
{
	const struct redirection asked[] = {{3, "/"}, {1, "."}};
	enum verdict verdict;
	bool empty;
	uint64_t flags = (uint32_t)tracee->stop.args[4];
	unsigned int how = flags & AT_SYMLINK_FOLLOW ? TARGET_FOLLOW : 0;

	if (flags & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return VERDICT_PASS;
	if (flags & AT_EMPTY_PATH) {
		how |= TARGET_EMPTY_PATH;
		if (is_unasked(run, tracee, &empty))
			return tracee_redirect(tracee, asked, empty ? 1 : 2,
					       leave_permitted);
	}
	verdict = link_at(run, tracee, (const int[]){0, 1, 2, 3}, how);
	tracee_tried(tracee, verdict);
	return verdict;
}
