/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/rules.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "find/look.h"
#include "find/procfs.h"
#include "run/mounts.h"

static int error_of(const struct prefix *row)
{
	if (row && row->kind == PREFIX_DENY)
		return EACCES;
	return row && row->kind == PREFIX_ENOENT ? ENOENT : 0;
}

static void refuse(struct target *target, int error)
{
	target->kind = TARGET_MISSING;
	target->walk.error = error;
	target->walk.missing_last = false;
}

/* The name of the directory that `dirfd` is; false: the kernel knows better. */
static bool name_directory(struct target *target, int dirfd,
			   char path[TARGET_PATH_SIZE])
{
	struct run *run = target->call.run;
	struct tracee *tracee = target->call.tracee;
	const struct node *node;
	struct stat st;
	bool named;
	int fd;

	node = look_inode_node(run, tracee, dirfd, &st);
	if (node)
		return mounts_path(run->mounts, &node->place, path, TARGET_PATH_SIZE) >
		       0;
	fd = look_directory(tracee, dirfd);
	if (fd < 0)
		return false;
	named = procfs_path_for(run, tracee, fd, path) > 0;
	close(fd);
	return named;
}

bool rules_begin(struct target *target, int dirfd, const char *path)
{
	const struct prefixes *prefixes = &target->call.run->prefixes;
	const struct prefix *row = prefix_around(prefixes, "/");
	char name[TARGET_PATH_SIZE];

	target->modes = prefixes->root_modes;
	if (path[0] != '/') {
		if (!name_directory(target, dirfd, name))
			return true;
		row = prefix_around(prefixes, name);
	}
	if (row)
		target->modes = row->modes;
	if (!error_of(row))
		return true;
	refuse(target, error_of(row));
	return false;
}

enum step rules_here(struct host *host)
{
	const struct call *call = &host->target->call;
	struct walk *walk = &host->target->walk;
	char path[TARGET_PATH_SIZE];
	const struct prefix *row;

	if (procfs_path_for(call->run, call->tracee, host->dir, path) <= 0)
		return STEP_ON;
	row = prefix_around(&call->run->prefixes, path);
	walk->modes = row ? row->modes : call->run->prefixes.root_modes;
	if (!error_of(row))
		return STEP_ON;
	host->was_ours = true;
	return host_error(host, error_of(row));
}

void rules_end(struct target *target, unsigned int flags)
{
	unsigned int wanted = flags / TARGET_EXECUTES & PREFIX_ALL;

	if (flags & (TARGET_PARENT | TARGET_CREATE))
		wanted |= PREFIX_WRITE;
	if (target->kind == TARGET_QUESTION || target->empty_path ||
	    (target->kind == TARGET_MISSING && !target->walk.missing_last))
		return;
	if (wanted & ~target->walk.modes)
		refuse(target, EACCES);
}
