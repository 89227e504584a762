/* SPDX-License-Identifier: GPL-2.0-or-later */
/* readlink, readlinkat: links of /cvmfs, and links of /proc that lead to it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "exec/exec.h"
#include "find/seen.h"
#include "find/standins.h"
#include "run/mounts.h"
#include "syscalls/handlers.h"

/* The text that a link of /proc shows. */
static int magic_text(struct target *target, char *buffer, size_t size)
{
	if (target->said) {
		size_t len = strlen(target->said);

		memcpy(buffer, target->said, len < size ? len : size);
		return (int)len;
	}
	if (target->standin)
		return snprintf(buffer, size, "%s", target->standin->path);
	return mounts_path(target->call.run->mounts, &target->walk.at, buffer, size);
}

static enum verdict readlink_any(struct run *run, struct tracee *tracee,
				 int dirfd_argument, int path_argument)
{
	uint64_t buffer = tracee->stop.args[path_argument + 1];
	int size = (int)tracee->stop.args[path_argument + 2];
	struct target target;
	enum verdict verdict;
	char text[4096];
	int len;

	if (size <= 0)
		return VERDICT_PASS; /* EINVAL comes first */
	if (!target_of_call(&target, run, tracee, dirfd_argument, path_argument,
			    TARGET_EMPTY_PATH | TARGET_MAGIC, &verdict)) {
		if (verdict != VERDICT_PASS || target.kind != TARGET_HOST ||
		    (!target.said && !target.standin))
			return verdict;
		target.magic = true; /* what a stand-in stands for */
	}
	if (target.standin && target.empty_path)
		return tracee_answer(tracee, -ENOENT);
	if (target.kind == TARGET_ELSEWHERE && !target.magic)
		return target_elsewhere(&target, (unsigned int)path_argument);
	if (target.kind == TARGET_MISSING)
		return target_missing(&target);
	if (target.magic)
		len = magic_text(&target, text, sizeof(text));
	else if (target.walk.at.kind != PLACE_ENTRY || !S_ISLNK(target.walk.entry.mode))
		/* readlinkat(fd, "") of no link is ENOENT (fs/stat.c, do_readlinkat) */
		len = target.empty_path ? -ENOENT : -EINVAL;
	else
		len = seen_target(&target.call, &target.walk.at, &target.walk.entry,
				  text, sizeof(text));
	if (len < 0)
		return tracee_answer(tracee, len);
	if (len > size)
		len = size;
	if (tracee_write(tracee, buffer, text, (size_t)len) < 0)
		len = -EFAULT;
	return tracee_answer(tracee, len);
}

HANDLER(enter_readlink)
{
	return readlink_any(run, tracee, -1, 0);
}

HANDLER(enter_readlinkat)
{
	return readlink_any(run, tracee, 0, 1);
}
