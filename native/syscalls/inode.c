/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls about the inode behind a name: handles, watches, attributes of inodes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fanotify.h>
#include <sys/inotify.h>

#include "find/seen.h"
#include "given/content.h"
#include "given/passing.h"
#include "run/twins.h"
#include "syscalls/handlers.h"
#include "syscalls/refuse.h"

HANDLER(enter_name_to_handle_at)
{
	uint64_t flags = (uint32_t)tracee->stop.args[4];
	struct target target;
	enum verdict verdict;
	unsigned int how = flags & AT_SYMLINK_FOLLOW ? TARGET_FOLLOW : 0;

	if (flags & AT_EMPTY_PATH)
		how |= TARGET_EMPTY_PATH;
	if (!target_of_call_ours(&target, run, tracee, 0, 1, how, &verdict))
		return verdict;
	return tracee_answer(tracee, -EOPNOTSUPP);
}

/* A call that looks at the inode and changes nothing. */
struct looking {
	int dirfd_argument, path_argument; /* dirfd -1: none */
	unsigned int flags;		   /* enum target_flag */
	bool reads;			   /* asks for the permission to read */
	bool directory;			   /* wants nothing else */
};

/* The kernel does it on the object or the empty directory. */
static enum verdict look_at_inode(struct run *run, struct tracee *tracee,
				  const struct looking *looking)
{
	int dirfd_argument = looking->dirfd_argument, at = looking->path_argument;
	struct redirection redirection = {(unsigned int)at, NULL};
	char path[TARGET_PATH_SIZE];
	struct target target;
	enum verdict verdict;

	if (!target_of_call_in_cvmfs(&target, run, tracee, dirfd_argument, at,
				     looking->flags, &verdict))
		return verdict;
	if (target.kind == TARGET_MISSING)
		return refuse_path(tracee, dirfd_argument, at, target.walk.error);
	/* LOOKUP_DIRECTORY: before anybody asks for permissions. */
	if (looking->directory && target.walk.at.kind == PLACE_ENTRY &&
	    !S_ISDIR(target.walk.entry.mode))
		return refuse_path(tracee, dirfd_argument, at, ENOTDIR);
	if (looking->reads && target.walk.at.kind == PLACE_ENTRY &&
	    seen_access(&target.call, &target.walk.at, &target.walk.entry, R_OK))
		return refuse_path(tracee, dirfd_argument, at, EACCES);
	if (!content_path(&target, path, sizeof(path), &verdict))
		return verdict;
	if (passing_is_needed(&target.call, path))
		return passing_link(run, tracee, path, (unsigned int)at);
	content_note(run, tracee, &target.walk.at);
	twins_keep(run, &target.walk.at);
	redirection.path = path;
	return tracee_redirect(tracee, &redirection, 1, content_leave);
}

/* Nothing below /cvmfs ever changes: a watch is valid and silent. */
HANDLER(enter_inotify_add_watch)
{
	bool follows = !(tracee->stop.args[2] & IN_DONT_FOLLOW);

	return look_at_inode(run, tracee,
			     &(struct looking){-1, 1, follows ? TARGET_FOLLOW : 0, true,
					       tracee->stop.args[2] & IN_ONLYDIR});
}

static enum verdict mark(struct run *run, struct tracee *tracee, int dirfd_argument)
{
	uint64_t flags = (uint32_t)tracee->stop.args[1];
	unsigned int follow = flags & FAN_MARK_DONT_FOLLOW ? 0 : TARGET_FOLLOW;
	struct looking looking = {dirfd_argument, dirfd_argument + 1, follow, true,
				  flags & FAN_MARK_ONLYDIR};

	/* A mark of the whole mount would be one of the cache's. */
	if ((flags & (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)) && (flags & FAN_MARK_ADD))
		return refuse_mount(run, tracee, dirfd_argument, dirfd_argument + 1,
				    follow);
	return look_at_inode(run, tracee, &looking);
}

HANDLER(enter_fanotify_mark)
{
	return mark(run, tracee, 3);
}

/* The mask of 64 bits is two arguments. */
HANDLER(enter_fanotify_mark_i386)
{
	return mark(run, tracee, 4);
}

HANDLER(enter_file_getattr)
{
	uint64_t at_flags = (uint32_t)tracee->stop.args[4];
	bool follows = !(at_flags & AT_SYMLINK_NOFOLLOW);

	if (at_flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return VERDICT_PASS;
	return look_at_inode(
		run, tracee,
		&(struct looking){0, 1, follows ? TARGET_FOLLOW : 0, false, false});
}
