/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getcwd, chdir, fchdir. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fast/fast.h"
#include "find/seen.h"
#include "given/content.h"
#include "given/passing.h"
#include "run/mounts.h"
#include "syscalls/handlers.h"

HANDLER(enter_getcwd)
{
	uint64_t size = tracee->stop.args[1];
	struct target target;
	char path[4096];
	int len;

	target_of_descriptor(&target, run, tracee, AT_FDCWD);
	if (target.kind != TARGET_OURS)
		return VERDICT_PASS;
	len = mounts_path(run->mounts, &target.walk.at, path, sizeof(path));
	if (len < 0)
		return tracee_answer(tracee, len);
	if ((uint64_t)len + 1 > size)
		return tracee_answer(tracee, -ERANGE);
	if (tracee_write(tracee, tracee->stop.args[0], path, (size_t)len + 1) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, len + 1);
}

HANDLER(enter_chdir)
{
	struct redirection redirection = {0, NULL};
	struct target target;
	enum verdict verdict;
	char path[TARGET_PATH_SIZE];
	bool is_top;

	fast_moves(run, tracee);
	if (!target_of_call_ours(&target, run, tracee, -1, 0, TARGET_FOLLOW, &verdict))
		return verdict;
	is_top = target.walk.at.kind == PLACE_TOP;
	if (!is_top && !S_ISDIR(target.walk.entry.mode))
		return tracee_answer(tracee, -ENOTDIR);
	if (seen_access(&target.call, &target.walk.at,
			is_top ? NULL : &target.walk.entry, X_OK))
		return tracee_answer(tracee, -EACCES);
	if (!content_path(&target, path, sizeof(path), &verdict))
		return verdict;
	if (passing_is_needed(&target.call, path))
		return passing_chdir(run, tracee, path);
	content_note(run, tracee, &target.walk.at);
	redirection.path = path;
	return tracee_redirect(tracee, &redirection, 1, content_leave);
}

/* The directory behind is real, but everybody may search it. */
HANDLER(enter_fchdir)
{
	struct target target;

	fast_moves(run, tracee);
	target_of_descriptor(&target, run, tracee, (int)tracee->stop.args[0]);
	if (target.kind != TARGET_OURS || target.walk.at.kind != PLACE_ENTRY ||
	    !S_ISDIR(target.walk.entry.mode))
		return VERDICT_PASS;
	if (seen_access(&target.call, &target.walk.at, &target.walk.entry, X_OK))
		return tracee_answer(tracee, -EACCES);
	return VERDICT_PASS;
}
