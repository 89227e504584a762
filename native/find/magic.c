/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links of /proc in a walk: what they lead to may be ours, or stand for something of
 * the host. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "find/host.h"
#include "find/look.h"
#include "find/procfs.h"
#include "find/seen.h"
#include "find/standins.h"

static bool is_directory(int fd)
{
	struct stat st;

	return look_stat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static const struct node *node_of(const struct host *host, int fd)
{
	struct stat st;

	return look_node(host->target->call.run, fd, "", AT_EMPTY_PATH, &st);
}

/* On to what it stands for, if that is there. */
static enum step step_standin(struct host *host)
{
	int fd = target_use_standin(host->target, host->target->standin, true);

	if (fd == LOOK_WAITS) {
		host->target->kind = TARGET_QUESTION;
		return STEP_END;
	}
	if (fd < 0)
		return STEP_ON;
	host->was_ours = true;
	host->magic[0] = '\0';
	return host_into(host, fd);
}

/* The link itself, for who reads it. */
static enum step step_magic_text(struct host *host, const char *name,
				 const struct node *node)
{
	struct target *target = host->target;

	if (!node || !(host->flags & TARGET_MAGIC)) {
		target->magic = target->standin && (host->flags & TARGET_MAGIC);
		return host_end(host, name);
	}
	target->magic = true;
	return host_ours(host, &node->place);
}

/* A link of /proc/PID/map_files, which its reader may not follow. */
static enum step step_map_text(struct host *host, const char *name)
{
	const struct run *run = host->target->call.run;
	char path[TARGET_PATH_SIZE];
	const struct node *node = NULL;
	struct stat st;
	int found = procfs_stat_of_map(&host->target->call, host->dir, name, path, &st);

	if (found == LOOK_WAITS) {
		host->target->kind = TARGET_QUESTION;
		return STEP_END;
	}
	if (found) {
		node = look_node_called(run, &st, path, strlen(path));
		if (!node)
			node = nodes_find(run, &st);
		host->target->standin = standins_find(run, &st);
		host->target->said = seen_shared_memory(run, &st);
	}
	return step_magic_text(host, name,
			       node && node->kind == NODE_OBJECT ? node : NULL);
}

/* "FIRST-END"; who opens an index file by its name has that name. */
static bool is_of_map_files(const char *name)
{
	return strchr(name, '-') != NULL;
}

enum step host_magic(struct host *host, const char *name, bool last)
{
	struct target *target = host->target;
	bool follow = !last || walk_follows_last(&target->walk);
	_cleanup_close_ int fd = openat(host->dir, name, O_PATH | O_CLOEXEC);
	const struct node *node = fd >= 0 ? node_of(host, fd) : NULL;
	char path[TARGET_PATH_SIZE];
	enum step step;
	struct stat st;

	_Static_assert(sizeof(path) <= sizeof(host->magic), "the way to it");
	if (fd < 0 && errno == EPERM && !follow)
		return step_map_text(host, name);
	if (fd < 0)
		return host_error(host, errno);
	if (!node && look_stat(fd, &st) == 0) {
		target->standin = standins_find(target->call.run, &st);
		if (is_of_map_files(name))
			target->said = seen_shared_memory(target->call.run, &st);
	}
	if (follow && (target->walk.promises & (WALK_NO_MAGIC | WALK_NO_LINKS)))
		return host_error(host, ELOOP);
	if (follow && (target->walk.promises & WALK_SCOPED)) /* nd_jump_link() */
		return host_error(host, EXDEV);
	procfs_note_magic(target, host->dir, name, path);
	if (!follow)
		return step_magic_text(host, name, node);
	if (!node && host_wants_directory(host, last) && !is_directory(fd))
		return host_error(host, ENOTDIR);
	if (!node) {
		step = host_into(host, take_fd(&fd));
		strcpy(host->magic, path);
		return target->standin ? step_standin(host) : step;
	}
	target->by_descriptor = true;
	if (!last) /* the walk goes on from it */
		target->descriptor = -1;
	return host_ours(host, &node->place);
}
