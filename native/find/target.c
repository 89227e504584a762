/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "find/footing.h"
#include "find/look.h"
#include "find/pathtext.h"
#include "find/rules.h"
#include "find/standins.h"
#include "run/mounts.h"

void target_init(struct target *target, struct run *run, struct tracee *tracee,
		 unsigned int flags)
{
	target->call = (struct call){run, tracee, 0,
				     flags & TARGET_REAL_IDS ? CREDENTIALS_REAL
							     : CREDENTIALS_EFFECTIVE};
	target->walk.room = (struct walk_room){target->segments, target->text,
					       WALK_SEGMENTS, sizeof(target->text)};
	target->by_descriptor = target->empty_path = false;
	target->modes = run->prefixes.root_modes;
	target->descriptor = -1;
	target->holder = tracee->tid;
	target->magic = target->in_proc = target->bad_name = false;
	target->said = NULL;
	target->standin = NULL;
	target->elsewhere[0] = '\0';
	target->proc_file[0] = '\0';
}

static void miss(struct target *target, int error)
{
	target->kind = TARGET_MISSING;
	target->walk.error = error;
	target->walk.missing_last = false;
}

/* Runs the walk where it stands in /cvmfs; goes on at the host where it leaves. */
static void walk_on(struct target *target, unsigned int flags)
{
	switch (walk_go(&target->walk)) {
	case WALK_FOUND:
		target->kind = TARGET_OURS;
		return;
	case WALK_ERRNO:
	case WALK_BEYOND:
		call_tell_damage(&target->call, &target->walk);
		target->kind = TARGET_MISSING;
		return;
	case WALK_QUESTION:
		target->kind = TARGET_QUESTION;
		return;
	case WALK_LEFT:
		/* Under another root the host's names are not its own. */
		if (target->call.tracee->footing->other_root) {
			miss(target, ENOENT);
			return;
		}
		host_walk(target, footing_root(target->call.run, target->call.tracee),
			  true, flags);
		return;
	}
}

static void set_flags(struct target *target, unsigned int flags)
{
	struct walk *walk = &target->walk;

	walk->modes = target->modes;
	walk->promises = flags / TARGET_PROMISES;
	walk->follow_last = flags & TARGET_FOLLOW;
	walk->parent_only = flags & TARGET_PARENT;
	if (flags & TARGET_CREATE)
		walk->slash = WALK_SLASH_IGNORED;
	if (flags & TARGET_OPEN_CREATE)
		walk->slash = WALK_SLASH_REFUSED;
}

/* Begins at a place of ours. */
static void begin_ours(struct target *target, const struct walk_world *world,
		       const struct place *place, const char *path, unsigned int flags)
{
	if (walk_start(&target->walk, world, *place, path, strlen(path)) < 0) {
		miss(target, ENAMETOOLONG);
		return;
	}
	set_flags(target, flags);
	walk_on(target, flags);
}

/* A path that starts on the host in directory `fd` (consumed). */
static void begin_host(struct target *target, const struct walk_world *world, int fd,
		       const char *path, unsigned int flags)
{
	struct place host = {.kind = PLACE_HOST};

	if (walk_start(&target->walk, world, host, path, strlen(path)) < 0) {
		close(fd);
		target->kind = TARGET_HOST;
		return;
	}
	set_flags(target, flags);
	host_walk(target, fd, false, flags);
}

/* True: it is the host's alone, or a look at it has to be waited for. */
static bool is_decided(struct target *target, int dir, const char *path,
		       unsigned int flags)
{
	enum look_plain plain =
		look_plain(&target->call, dir, path, flags & TARGET_FOLLOW);

	target->kind = plain == LOOK_QUESTION ? TARGET_QUESTION : TARGET_HOST;
	return plain != LOOK_NOT_PLAIN;
}

/* Likewise of an absolute path, from the tracee's own root on. */
static bool is_decided_absolute(struct target *target, const char *path,
				unsigned int flags)
{
	struct tracee *tracee = target->call.tracee;
	_cleanup_close_ int root = -1;

	if (!footing_of(target->call.run, tracee)->other_mounts)
		return is_decided(target, AT_FDCWD, path, flags);
	root = footing_root(target->call.run, tracee);
	path += strspn(path, "/");
	return root >= 0 && is_decided(target, root, path[0] ? path : ".", flags);
}

/* What follows the repositories' place at the front of a path from the root, or NULL.
 */
static const char *below_top(const struct target *target, const char *path)
{
	const struct prefix *top = target->call.run->prefixes.top;

	return top ? prefix_rest(path, top->path + 1) : NULL;
}

/* May a row be met on the way, or have something to say of it? */
static bool concerns_rows(const struct target *target, const char *path)
{
	const struct prefixes *prefixes = &target->call.run->prefixes;

	return prefixes->others &&
	       (prefixes->rules || prefix_may_be_met(prefixes, path));
}

static void find_absolute(struct target *target, const struct walk_world *world,
			  const char *path, unsigned int flags)
{
	struct place top = {.kind = PLACE_TOP};
	const char *first = pathtext_skip_here(path), *rest = below_top(target, first);

	if (rest && (flags / TARGET_PROMISES & WALK_NO_XDEV)) {
		/* A slash behind a name that may be made: nobody looks what it is. */
		bool slash = (flags & TARGET_OPEN_CREATE) && rest[0] &&
			     !rest[strspn(rest, "/")];

		target->walk.links = 0;
		target->walk.start.kind = PLACE_TOP;
		miss(target, slash ? EISDIR : EXDEV);
		return;
	}
	if (rest) {
		target->modes = target->call.run->prefixes.top->modes;
		begin_ours(target, world, &top, rest, flags);
		return;
	}
	if (!pathtext_has_dot_dot(first) && !pathtext_names_descriptors(first) &&
	    !concerns_rows(target, first) && is_decided_absolute(target, path, flags))
		return;
	begin_host(target, world, footing_root(target->call.run, target->call.tracee),
		   path, flags);
}

static void find_relative(struct target *target, const struct walk_world *world,
			  int dirfd, const char *path, unsigned int flags)
{
	struct run *run = target->call.run;
	const struct node *node;
	_cleanup_close_ int fd = -1;
	struct stat st = {0};

	target->kind = TARGET_HOST;
	node = look_inode_node(run, target->call.tracee, dirfd, &st);
	if (node) {
		begin_ours(target, world, &node->place, path, flags);
		return;
	}
	if (target->call.tracee->footing->other_root)
		return;
	fd = look_directory(target->call.tracee, dirfd);
	if (fd < 0)
		return; /* EBADF and the like: the kernel says it best. */
	/* From below the root none leads to /cvmfs. */
	if ((flags / TARGET_PROMISES & WALK_SCOPED) && !look_is_root(run, fd))
		return;
	if (!pathtext_has_dot_dot(path) && st.st_dev != run->machine.proc_dev &&
	    !(below_top(target, pathtext_skip_here(path)) && look_is_root(run, fd)) &&
	    !concerns_rows(target, path) && is_decided(target, fd, path, flags))
		return;
	begin_host(target, world, take_fd(&fd), path, flags);
}

int target_use_standin(struct target *target, const struct standin *standin, bool waits)
{
	int fd = standin ? standins_open(&target->call, standin, waits) : -1;

	target->standin = standin;
	if (fd < 0)
		return fd;
	target->kind = TARGET_ELSEWHERE;
	snprintf(target->elsewhere, sizeof(target->elsewhere), "%s", standin->path);
	snprintf(target->proc_file, sizeof(target->proc_file), "%s",
		 standin->proc_file);
	return fd;
}

static void of_standin(struct target *target, const struct stat *st)
{
	int fd = target_use_standin(target, standins_find(target->call.run, st), false);

	target->empty_path = target->standin;
	if (fd >= 0)
		close(fd);
}

void target_of_descriptor(struct target *target, struct run *run, struct tracee *tracee,
			  int fd)
{
	struct walk_world world;
	const struct node *node;
	struct stat st;

	target_init(target, run, tracee, 0);
	world = call_world(&target->call);
	target->kind = TARGET_HOST;
	if (nodes_none(run) && !run->standins)
		return;
	node = look_inode_node(run, tracee, fd, &st);
	if (!node) {
		of_standin(target, &st);
		return;
	}
	begin_ours(target, &world, &node->place, "", 0);
	target->by_descriptor = target->empty_path = true;
	target->descriptor = fd;
}

static void find(struct target *target, int dirfd, const char *path, unsigned int flags)
{
	struct run *run = target->call.run;
	struct tracee *tracee = target->call.tracee;
	unsigned int promises = flags / TARGET_PROMISES;
	struct walk_world world = call_world(&target->call);

	target->kind = TARGET_HOST;
	if (path[0] == '/' && (tracee->footing->other_root || promises & WALK_BENEATH))
		return; /* another file there; EXDEV, wherever it leads */
	if (path[0] == '/' && (promises & WALK_IN_ROOT)) {
		path += strspn(path, "/");
		path = path[0] ? path : ".";
	}
	if (path[0] == '\0') {
		if (flags & TARGET_EMPTY_PATH)
			target_of_descriptor(target, run, tracee, dirfd);
		else
			target->bad_name = true;
		return;
	}
	if (path[0] == '/')
		find_absolute(target, &world, path, flags);
	else
		find_relative(target, &world, dirfd, path, flags);
}

void target_find(struct target *target, struct run *run, struct tracee *tracee,
		 int dirfd, const char *path, unsigned int flags)
{
	target_init(target, run, tracee, flags);
	if (run->prefixes.rules && path[0] && !rules_begin(target, dirfd, path))
		return;
	find(target, dirfd, path, flags);
	if (run->prefixes.rules && path[0])
		rules_end(target, flags);
}

void target_locate(struct target *target, const struct call *call, int dirfd,
		   const char *path)
{
	struct place host = {.kind = PLACE_HOST};
	struct walk_world world;
	int dir = path[0] == '/' ? footing_root(call->run, call->tracee)
				 : look_directory(call->tracee, dirfd);

	target_init(target, call->run, call->tracee, 0);
	world = call_world(&target->call);
	miss(target, ENOENT);
	if (dir < 0 ||
	    walk_start(&target->walk, &world, host, path, strlen(path)) < 0) {
		if (dir >= 0)
			close(dir);
		return;
	}
	set_flags(target, TARGET_FOLLOW);
	host_walk(target, dir, true, TARGET_FOLLOW);
}
