/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls about mounts and roots. Nothing of /cvmfs can be mounted and nothing can be
 * mounted below it: what the kernel would mount is an empty directory. EPERM, as for
 * anybody who may not mount; what the kernel refuses before, it refuses itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arch/numbers.h"
#include "find/footing.h"
#include "find/look.h"
#include "find/seen.h"
#include "proc/proctext.h"
#include "syscalls/handlers.h"
#include "syscalls/refuse.h"

enum { UMOUNT_EXPIRE = 4, UMOUNT_NO_FOLLOW = 8, UMOUNT_FLAGS = 15 };

enum verdict refuse_mount(struct run *run, struct tracee *tracee, int dirfd_argument,
			  int path_argument, unsigned int flags)
{
	struct target target;
	enum verdict verdict;

	if (!target_of_call_in_cvmfs(&target, run, tracee, dirfd_argument,
				     path_argument, flags, &verdict))
		return verdict;
	return refuse_path(tracee, dirfd_argument, path_argument,
			   target.kind == TARGET_MISSING ? target.walk.error : EPERM);
}

/* From now on it is looked whether our own names still mean to a tracee what they mean
 * to us (passing.c). */
static enum verdict leave_mount(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	run->remounted |= result == 0;
	return tracee_finish(tracee, result);
}

/* mount(source, target, ...): the target comes first, and a source of ours is none. */
HANDLER(enter_mount)
{
	enum verdict verdict = refuse_mount(run, tracee, -1, 1, TARGET_FOLLOW);

	if (verdict != VERDICT_PASS || run->remounted)
		return verdict;
	tracee->stop.leave = leave_mount;
	return VERDICT_AT_EXIT;
}

/* Whether one of the two paths is ours: EPERM before anything is looked at, as for
 * anybody who may not mount (may_mount() in Linux' fs/namespace.c). */
HANDLER(enter_move_mount)
{
	const uint64_t flags = arch_argument(&tracee->stop.regs, 4);
	const bool empty[] = {flags & MOVE_MOUNT_F_EMPTY_PATH,
			      flags & MOVE_MOUNT_T_EMPTY_PATH};
	const bool follow[] = {flags & MOVE_MOUNT_F_SYMLINKS,
			       flags & MOVE_MOUNT_T_SYMLINKS};

	for (int i = 0; i < 2; i++) {
		unsigned int how = (empty[i] ? TARGET_EMPTY_PATH : 0) |
				   (follow[i] ? TARGET_FOLLOW : 0);
		struct target target;
		enum verdict verdict;

		if (target_of_call(&target, run, tracee, 2 * i, 2 * i + 1, how,
				   &verdict))
			return tracee_answer(tracee, -EPERM);
		if (verdict != VERDICT_PASS)
			return verdict;
	}
	if (run->remounted)
		return VERDICT_PASS;
	tracee->stop.leave = leave_mount;
	return VERDICT_AT_EXIT;
}

static bool lists_mount(const struct tracee *tracee, const char *point)
{
	char path[48], *line = NULL, *at;
	bool found = false;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", tracee->tid);
	file = fopen(path, "re");
	while (file && !found && getline(&line, &size, file) > 0) {
		at = line;
		for (int i = 0; i < 4 && at; i++) /* id, parent, device, root */
			at = strchr(at + 1, ' ');
		if (at)
			found = strcmp(proctext_word(at + 1), point) == 0;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* A look at a mount takes its mark of MNT_EXPIRE away: only what lies above it is
 * looked at. False: it is perhaps none. */
static bool is_mount_of_host(struct run *run, struct tracee *tracee)
{
	struct call call = {.run = run, .tracee = tracee};
	char path[TARGET_PATH_SIZE], *name;
	struct target above;
	size_t len;

	if (tracee_read_string(tracee, tracee->stop.args[0], path, sizeof(path)) <= 0)
		return false;
	for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	name = strrchr(path, '/');
	if (!name) {
		memmove(path + 2, path, len + 1);
		memcpy(path, "./", 2);
		name = path + 1;
	}
	*name++ = '\0';
	if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	target_locate(&above, &call, AT_FDCWD, path[0] ? path : "/");
	if (above.kind != TARGET_ELSEWHERE)
		return false;
	len = strlen(above.elsewhere);
	len -= len == 1; /* "/" */
	if (len + strlen(name) + 2 > sizeof(above.elsewhere))
		return false;
	snprintf(above.elsewhere + len, sizeof(above.elsewhere) - len, "/%s", name);
	return lists_mount(tracee, above.elsewhere);
}

/* A mount of the host's is marked, gone or busy; whatever else may be a name of ours.
 */
static enum verdict leave_expired(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	if (result == 0 || result == -EAGAIN || result == -EBUSY || result == -EPERM)
		return tracee_finish(tracee, result);
	tracee->tries = 1;
	return tracee_again(tracee);
}

/* A look at a mount takes its mark away, through a link or by "m/." as well: the kernel
 * is asked first, once for each call. Not where the host has what we show something
 * else for. */
static bool expires_first(const struct run *run, struct tracee *tracee)
{
	const struct prefixes *prefixes = &run->prefixes;

	if (prefixes->others || prefixes->rules || tracee->tries ||
	    (prefixes->top && prefixes->top->on_host))
		return false;
	tracee->stop.leave = leave_expired;
	return true;
}

/* can_umount() and do_umount() of Linux' fs/namespace.c. */
static enum verdict unmount(struct run *run, struct tracee *tracee, uint64_t flags)
{
	struct target target;
	enum verdict verdict;
	bool is_mount;

	if (flags & ~(uint64_t)UMOUNT_FLAGS)
		return VERDICT_PASS;
	if (flags & UMOUNT_EXPIRE && expires_first(run, tracee))
		return VERDICT_AT_EXIT;
	if (flags & UMOUNT_EXPIRE && is_mount_of_host(run, tracee))
		return VERDICT_PASS;
	if (!target_of_call_ours(&target, run, tracee, -1, 0,
				 flags & UMOUNT_NO_FOLLOW ? 0 : TARGET_FOLLOW,
				 &verdict))
		return verdict;
	if (!credentials_rule(run, tracee, CAP_SYS_ADMIN))
		return tracee_answer(tracee, -EPERM);
	is_mount = target.walk.at.kind == PLACE_TOP ||
		   (target.walk.at.catalog == 0 && target.walk.at.entry == 0);
	return tracee_answer(tracee, is_mount ? -EBUSY : -EINVAL);
}

HANDLER(enter_umount2)
{
	enum verdict verdict = unmount(run, tracee, (uint32_t)tracee->stop.args[1]);

	tracee_tried(tracee, verdict);
	return verdict;
}

/* i386's: without flags. */
HANDLER(enter_umount)
{
	return unmount(run, tracee, 0);
}

HANDLER(enter_open_tree_attr)
{
	uint64_t flags = (uint32_t)tracee->stop.args[2];

	return refuse_mount(run, tracee, 0, 1,
			    flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW);
}

/* Quotas are of block devices, and there is none that could be opened. */
HANDLER(enter_quotactl)
{
	struct target target;
	enum verdict verdict;
	int error = ENOTBLK;

	if (!target_of_call_in_cvmfs(&target, run, tracee, -1, 1, TARGET_FOLLOW,
				     &verdict))
		return verdict;
	if (target.kind == TARGET_MISSING)
		error = target.walk.error;
	else if (target.walk.at.kind == PLACE_ENTRY && S_ISBLK(target.walk.entry.mode))
		error = EACCES;
	return refuse_path(tracee, -1, 1, error);
}

/* A process may also be given the root that it has (chroot /): it is read again. */
static enum verdict leave_new_root(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	tracee->footing->stale |= result == 0;
	return tracee_finish(tracee, result);
}

/* Every process that had the old root has the new one now (pivot_root(2)). */
static enum verdict leave_pivot_root(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	if (result == 0) {
		footing_all_stale(run);
		run->remounted = true;
	}
	return tracee_finish(tracee, result);
}

/* A directory of /cvmfs cannot become the root: ENOENT, as it is for the kernel, and
 * EPERM for who may change no root at all. */
static enum verdict change_root(struct run *run, struct tracee *tracee, int access,
				stop_handler leave)
{
	struct redirection redirection = {0, NULL};
	const struct walk *walk;
	struct target target;
	enum verdict verdict;

	if (!target_of_call(&target, run, tracee, -1, 0, TARGET_FOLLOW, &verdict) &&
	    verdict == VERDICT_WAIT)
		return verdict;
	walk = &target.walk;
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	if (target.kind == TARGET_ELSEWHERE) {
		redirection.path = target.elsewhere;
		return tracee_redirect(tracee, &redirection, 1, leave);
	}
	if (target.kind == TARGET_OURS && walk->at.kind == PLACE_ENTRY) {
		if (!S_ISDIR(walk->entry.mode))
			return tracee_answer(tracee, -ENOTDIR);
		if (access &&
		    seen_access(&target.call, &walk->at, &walk->entry, access))
			return tracee_answer(tracee, -EACCES);
	}
	if (target.kind == TARGET_OURS) {
		bool may = credentials_have(run, tracee, CAP_SYS_CHROOT);

		return tracee_answer(tracee, may ? -ENOENT : -EPERM);
	}
	tracee->stop.leave = leave;
	return VERDICT_AT_EXIT;
}

HANDLER(enter_chroot)
{
	return change_root(run, tracee, X_OK, leave_new_root);
}

/* Who may not mount is told so before the names are looked at. */
HANDLER(enter_pivot_root)
{
	if (credentials_have(run, tracee, CAP_SYS_ADMIN))
		return change_root(run, tracee, 0, leave_pivot_root);
	tracee->stop.leave = leave_pivot_root;
	return VERDICT_AT_EXIT;
}

static enum verdict leave_setns(struct run *run, struct tracee *tracee)
{
	tracee_new_credentials(tracee);
	return leave_new_root(run, tracee);
}

/* Another mount namespace may have another root, where paths mean something else; in
 * another user namespace one has other rights. */
HANDLER(enter_setns)
{
	(void)run;
	tracee->stop.leave = leave_setns;
	return VERDICT_AT_EXIT;
}
