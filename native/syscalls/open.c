/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open, openat, openat2, creat. Order of errors: do_open() and may_open() of Linux'
 * fs/namei.c on a read-only, nodev mount. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "fast/fast.h"
#include "find/seen.h"
#include "given/content.h"
#include "given/passing.h"
#include "proc/snapshot.h"
#include "run/mounts.h"
#include "run/objects.h"
#include "run/twins.h"
#include "syscalls/handlers.h"
#include "syscalls/refuse.h"
#include "syscalls/watching.h"

enum { HOW_SIZE_MAX = 4096, KERNEL_LARGEFILE = 0100000 };

/* One open, whichever call it came by. */
struct opening {
	uint64_t flags, mode, resolve;
	int dirfd_argument; /* -1: none */
	int path_argument;
	bool by_openat; /* another call: the same open by openat */
};

static bool wants_write(uint64_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* acc_mode of build_open_flags() and may_open(): O_TRUNC writes. */
static int wanted_access(uint64_t flags)
{
	int access = (flags & O_ACCMODE) == O_WRONLY ? 0 : R_OK;

	return wants_write(flags) || (flags & O_TRUNC) ? access | W_OK : access;
}

/* What a name that is not there gives: it could only be created. */
static int missing_error(const struct target *target, uint64_t flags)
{
	const struct walk *walk = &target->walk;

	if (!walk->missing_last || !(flags & O_CREAT))
		return walk->error;
	return EROFS;
}

/* may_create_in_sticky(): O_CREAT of what somebody else has in a shared directory. */
static int sticky_error(struct target *target)
{
	struct call *call = &target->call;
	const struct place *parent = &target->walk.parent;
	const struct index_map *map =
		mounts_catalog(call->run->mounts, parent->mount, parent->catalog);
	struct interpose_entry entry;
	struct stat directory, file;
	int protection;

	if (parent->kind != PLACE_ENTRY || !map ||
	    index_entry(map, parent->entry, &entry) < 0)
		return 0;
	seen_stat(call, parent, &entry, &directory);
	if (!(directory.st_mode & S_ISVTX))
		return 0;
	seen_stat(call, &target->walk.at, &target->walk.entry, &file);
	protection = 1;
	if (S_ISREG(file.st_mode) || S_ISFIFO(file.st_mode))
		protection =
			call_protection(S_ISREG(file.st_mode) ? "regular" : "fifos");
	if (protection == 0 || file.st_uid == directory.st_uid ||
	    file.st_uid == credentials_of(call->run, call->tracee)->fsuid)
		return 0;
	if (directory.st_mode & S_IWOTH)
		return EACCES;
	return (directory.st_mode & S_IWGRP) && protection > 1 ? EACCES : 0;
}

/* O_NOATIME is for the owner. */
static bool may_leave_times(const struct target *target)
{
	const struct place *place = &target->walk.at;
	struct owned owned = {0}; /* /cvmfs itself is root's */

	if (place->kind == PLACE_ENTRY)
		owned = seen_owned(&target->call, place, &target->walk.entry);
	return credentials_own(target->call.run, target->call.tracee, &owned);
}

/* The error of opening an existing entry, 0 if it may be opened. */
static int open_error(struct target *target, uint64_t flags)
{
	const struct place *place = &target->walk.at;
	bool is_top = place->kind == PLACE_TOP;
	const struct interpose_entry *entry = is_top ? NULL : &target->walk.entry;
	mode_t mode = is_top ? S_IFDIR : entry->mode;
	int error;

	if ((flags & O_DIRECTORY) && !S_ISDIR(mode))
		return ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return EEXIST;
	if ((flags & O_CREAT) && !S_ISDIR(mode) && sticky_error(target))
		return EACCES;
	if (S_ISLNK(mode))
		return ELOOP;
	if (S_ISDIR(mode) && (flags & O_TMPFILE) == O_TMPFILE)
		return EROFS;
	if (S_ISDIR(mode) && (wants_write(flags) || (flags & (O_CREAT | O_TRUNC))))
		return EISDIR;
	if (S_ISCHR(mode) || S_ISBLK(mode))
		return EACCES;
	error = seen_access(&target->call, place, entry, wanted_access(flags));
	if (error)
		return error;
	if ((flags & O_NOATIME) && !may_leave_times(target))
		return EPERM;
	return S_ISSOCK(mode) ? ENXIO : 0;
}

/* openat2's promises about the way, as far as a path of ours can break them. */
static int resolve_error(const struct target *target, uint64_t resolve)
{
	if ((resolve & RESOLVE_NO_SYMLINKS) && target->walk.links > 0)
		return ELOOP;
	if ((resolve & (RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)) &&
	    target->by_descriptor)
		return ELOOP;
	return 0;
}

/* Flags that must not reach the object: it exists, and is perhaps somebody else's. */
static void set_flags(struct tracee *tracee, const struct opening *opening,
		      const char *path)
{
	struct arch_regs *regs = &tracee->stop.regs;
	uint64_t drop = O_CREAT | O_EXCL, flags = opening->flags;
	struct stat st;

	if ((opening->flags & O_NOATIME) &&
	    (stat(path, &st) < 0 || st.st_uid != tracee->process->credentials.fsuid))
		drop |= O_NOATIME;
	if (opening->by_openat) {
		/* openat2's struct is the program's memory; open_tree has fewer flags.
		 */
		arch_set_number(regs, arch_call(regs, ARCH_OPENAT));
		arch_set_argument(regs, 0, (uint64_t)AT_FDCWD);
		arch_set_argument(regs, 3, opening->mode);
		/* openat2() implies it, i386's openat() does not. */
		if (regs->abi == ARCH_I386 && !(opening->flags & O_PATH))
			flags |= KERNEL_LARGEFILE;
	}
	arch_set_argument(regs, (unsigned int)opening->path_argument + 1,
			  flags & ~drop);
}

/* Flags that only some kernels accept, or only some together: the kernel says which. */
static enum verdict refuse_open(struct tracee *tracee, const struct opening *opening,
				int error)
{
	uint64_t odd = opening->flags & (O_TMPFILE | O_CREAT);

	if (opening->by_openat || odd == O_DIRECTORY || odd == O_CREAT || odd == 0)
		return tracee_answer(tracee, -error);
	return refuse_path(tracee, opening->dirfd_argument, opening->path_argument,
			   error);
}

/* A lock on it would be one of theirs, too (locks.c). */
static bool is_of_others(const struct target *target)
{
	return target->walk.at.kind == PLACE_ENTRY &&
	       S_ISREG(target->walk.entry.mode) &&
	       objects_shared(target->call.run, &target->walk.entry);
}

/* By name and flags. */
static bool stub_may_open(const struct target *target, const struct opening *opening)
{
	const uint64_t plain =
		O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | KERNEL_LARGEFILE;

	return !opening->by_openat && !(opening->flags & ~plain) &&
	       !target->by_descriptor && target->walk.start.kind != PLACE_HOST &&
	       target->walk.at.kind == PLACE_ENTRY && S_ISREG(target->walk.entry.mode);
}

static enum verdict open_ours(struct target *target, const struct opening *opening)
{
	struct tracee *tracee = target->call.tracee;
	struct redirection redirection = {(unsigned int)opening->path_argument, NULL};
	char path[TARGET_PATH_SIZE];
	enum verdict verdict;
	int error = open_error(target, opening->flags);

	if (error)
		return refuse_open(tracee, opening, error);
	if (!content_path(target, path, sizeof(path), &verdict))
		return verdict;
	if (is_of_others(target) && watching_begins(target->call.run, tracee, &verdict))
		return verdict;
	if (stub_may_open(target, opening) &&
	    fast_sends_back(target->call.run, tracee, &target->walk.at, &verdict))
		return verdict;
	content_note(target->call.run, tracee, &target->walk.at);
	if (opening->flags & O_PATH)
		twins_keep(target->call.run, &target->walk.at);
	if (passing_is_needed(&target->call, path))
		return passing_open(target->call.run, tracee, path, opening->flags,
				    content_leave);
	redirection.path = path;
	verdict = tracee_redirect(tracee, &redirection, 1, content_leave);
	if (verdict == VERDICT_AT_EXIT && tracee->stop.leave == content_leave)
		set_flags(tracee, opening, path);
	return verdict;
}

/* The host has no /cvmfs where its file system ends. */
static enum verdict leave_crossing(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	return tracee_finish(tracee, result == -ENOENT ? -EXDEV : result);
}

/* RESOLVE_NO_XDEV on a way that begins on the host: it ends at the first mount or link,
 * and only the kernel knows which comes first. */
static bool crosses(const struct target *target, const struct opening *opening)
{
	/* Past the mount the kernel might create; a link that it may not follow ends it
	 * before that. */
	bool ends = !(opening->flags & O_CREAT) ||
		    ((opening->resolve & RESOLVE_NO_SYMLINKS) && target->walk.links);

	return (opening->resolve & RESOLVE_NO_XDEV) && ends &&
	       target->kind == TARGET_MISSING && target->walk.error == EXDEV &&
	       target->walk.start.kind == PLACE_HOST;
}

/* With RESOLVE_BENEATH the walk began at the root, and the path must not. */
static enum verdict open_elsewhere(struct target *target, const struct opening *opening)
{
	const char *path = target->elsewhere;

	if (opening->resolve & RESOLVE_BENEATH) {
		path += strspn(path, "/");
		path = path[0] ? path : ".";
		memmove(target->elsewhere, path, strlen(path) + 1);
	}
	return target_elsewhere(target, (unsigned int)opening->path_argument);
}

static enum verdict open_any(struct run *run, struct tracee *tracee,
			     struct opening *opening)
{
	struct target target;
	enum verdict verdict;
	unsigned int follow = TARGET_FOLLOW;
	int error;

	if (opening->flags & O_PATH) /* build_open_how(): no other flag counts then */
		opening->flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	follow |= (unsigned int)(opening->resolve & 0x1f) * TARGET_PROMISES;
	if ((opening->flags & O_NOFOLLOW) ||
	    (opening->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		follow &= ~(unsigned int)TARGET_FOLLOW;
	if (opening->flags & O_CREAT)
		follow |= TARGET_OPEN_CREATE | TARGET_WRITES;
	if (!(opening->flags & O_PATH))
		follow |= (unsigned int)wanted_access(opening->flags) * TARGET_EXECUTES;
	if (!target_of_call(&target, run, tracee, opening->dirfd_argument,
			    opening->path_argument, follow, &verdict)) {
		if (verdict == VERDICT_PASS && target.proc_file[0])
			return snapshot_open(&target,
					     (unsigned int)opening->path_argument);
		return verdict;
	}
	if (crosses(&target, opening)) {
		tracee->stop.leave = leave_crossing;
		return VERDICT_AT_EXIT;
	}
	error = resolve_error(&target, opening->resolve);
	if (error)
		return tracee_answer(tracee, -error);
	if (target.kind == TARGET_ELSEWHERE && target.proc_file[0])
		verdict = snapshot_open(&target, (unsigned int)opening->path_argument);
	if (target.kind == TARGET_ELSEWHERE)
		return verdict == VERDICT_PASS ? open_elsewhere(&target, opening)
					       : verdict;
	if (target.kind == TARGET_MISSING)
		return refuse_open(tracee, opening,
				   missing_error(&target, opening->flags));
	return open_ours(&target, opening);
}

HANDLER(enter_open)
{
	struct opening opening = {.flags = tracee->stop.args[1],
				  .mode = tracee->stop.args[2],
				  .dirfd_argument = -1};

	return open_any(run, tracee, &opening);
}

HANDLER(enter_creat)
{
	struct opening opening = {.flags = O_CREAT | O_WRONLY | O_TRUNC,
				  .mode = tracee->stop.args[1],
				  .dirfd_argument = -1};

	return open_any(run, tracee, &opening);
}

HANDLER(enter_openat)
{
	struct opening opening = {.flags = tracee->stop.args[2],
				  .mode = tracee->stop.args[3],
				  .path_argument = 1};

	return open_any(run, tracee, &opening);
}

/* False if the kernel refuses it, whatever the path: then it says so itself. */
static bool read_how(struct tracee *tracee, struct open_how *ret_how)
{
	uint64_t size = tracee->stop.args[3];
	char bytes[HOW_SIZE_MAX];

	if (size < sizeof(*ret_how) || size > sizeof(bytes) ||
	    tracee_read(tracee, tracee->stop.args[2], bytes, size) < 0)
		return false;
	memcpy(ret_how, bytes, sizeof(*ret_how));
	return syscall(SYS_openat2, -1, "", bytes, size) < 0 && errno == ENOENT;
}

HANDLER(enter_openat2)
{
	struct open_how how;
	struct opening opening = {.path_argument = 1, .by_openat = true};

	if (!read_how(tracee, &how))
		return VERDICT_PASS;
	opening.flags = how.flags;
	opening.mode = how.mode;
	opening.resolve = how.resolve;
	return open_any(run, tracee, &opening);
}

/* open_tree: an O_PATH descriptor, or with OPEN_TREE_CLONE a mount. */
HANDLER(enter_open_tree)
{
	const uint64_t known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE |
			       AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE |
			       OPEN_TREE_CLOEXEC;
	uint64_t flags = (uint32_t)tracee->stop.args[2];
	struct opening opening = {.flags = O_PATH | (flags & OPEN_TREE_CLOEXEC),
				  .path_argument = 1,
				  .by_openat = true};

	if ((flags & ~known) ||
	    (flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) == AT_RECURSIVE)
		return VERDICT_PASS;
	if (flags & AT_SYMLINK_NOFOLLOW)
		opening.flags |= O_NOFOLLOW;
	if (flags & OPEN_TREE_CLONE)
		return refuse_mount(run, tracee, 0, 1,
				    flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW);
	return open_any(run, tracee, &opening);
}
