/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of a path walk that happens outside /cvmfs, component by component: a link
 * of the host may lead into /cvmfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "find/footing.h"
#include "find/host.h"
#include "find/hostpath.h"
#include "find/look.h"
#include "find/procfs.h"
#include "find/rules.h"
#include "run/mounts.h"

static enum step end(struct host *host, enum target_kind kind)
{
	host->target->kind = kind;
	return STEP_END;
}

/* The kernel would fail here with `error`; it says so itself unless we led it here. */
enum step host_error(struct host *host, int error)
{
	if (!host->was_ours)
		return end(host, TARGET_HOST);
	host->target->walk.error = error;
	host->target->walk.missing_last = false;
	return end(host, TARGET_MISSING);
}

static bool is_proc(const struct host *host, int fd)
{
	return look_is_proc(host->target->call.run, fd);
}

static int open_root(const struct host *host)
{
	return footing_root(host->target->call.run, host->target->call.tracee);
}

/* Where the walk has ended on the host, below the directory reached: by path, if the
 * kernel needs to be led there. */
enum step host_end(struct host *host, const char *name)
{
	char *path = host->target->elsewhere;
	ssize_t len;

	host->target->in_proc = is_proc(host, host->dir);
	if (!host->was_ours)
		return end(host, TARGET_HOST);
	len = hostpath_of(&host->target->call, host->dir, host->magic, path);
	if (len == LOOK_WAITS)
		return end(host, TARGET_QUESTION);
	if (len < 0)
		return host_error(host, (int)-len);
	if (name[0]) {
		size_t room = TARGET_PATH_SIZE - (size_t)len;
		const char *slash = host->target->walk.trailing_slash ? "/" : "";

		if ((size_t)snprintf(path + len, room, "/%s%s", name, slash) >= room)
			return host_error(host, ENAMETOOLONG);
	}
	return end(host, TARGET_ELSEWHERE);
}

/* The last name is not looked at, whatever it is. */
static enum step end_parent(struct host *host, const char *raw, size_t len)
{
	char name[TARGET_PATH_SIZE];

	if (len >= sizeof(name))
		return host_error(host, ENAMETOOLONG);
	memcpy(name, raw, len);
	name[len] = '\0';
	return host_end(host, name);
}

bool host_wants_directory(const struct host *host, bool last)
{
	const struct walk *walk = &host->target->walk;

	return !last || (walk->trailing_slash && walk->slash == WALK_SLASH_DIRECTORY);
}

enum step host_into(struct host *host, int fd)
{
	close(host->dir);
	host->dir = fd;
	return STEP_ON;
}

/* The way no longer begins at a link of /proc. */
static enum step step_to_root(struct host *host)
{
	host->magic[0] = '\0';
	return host_into(host, open_root(host));
}

/* To `name` below. */
static enum step step_down(struct host *host, int fd, const char *name)
{
	size_t len = strlen(host->magic);

	if (len)
		snprintf(host->magic + len, sizeof(host->magic) - len, "/%s", name);
	return host_into(host, fd);
}

/* In /cvmfs, at `place`: the rest is walked there. */
enum step host_ours(struct host *host, const struct place *place)
{
	struct target *target = host->target;

	host->was_ours = true;
	if (target->walk.promises & WALK_NO_XDEV)
		return host_error(host, EXDEV);
	target->walk.at = *place;
	switch (walk_go(&target->walk)) {
	case WALK_FOUND:
		return end(host, TARGET_OURS);
	case WALK_ERRNO:
	case WALK_BEYOND:
		call_tell_damage(&target->call, &target->walk);
		return end(host, TARGET_MISSING);
	case WALK_QUESTION:
		return end(host, TARGET_QUESTION);
	case WALK_LEFT:
		break;
	}
	return step_to_root(host);
}

static enum step step_link(struct host *host, int fd, const char *name, bool last)
{
	struct walk *walk = &host->target->walk;
	bool follow = !last || walk_follows_last(walk);
	char text[LOOK_LINK_SIZE];
	ssize_t len = look_link(&host->target->call, fd, text);
	int result;

	if (len == LOOK_WAITS)
		return end(host, TARGET_QUESTION);
	if (len < 0)
		return host_error(host, (int)-len);
	if (is_proc(host, fd) && (text[0] == '/' || memchr(text, ':', (size_t)len)))
		return host_magic(host, name, last);
	if (!follow)
		return host_end(host, name);
	result = walk_push_copy(walk, text, (size_t)len);
	if (result < 0)
		return host_error(host, -result);
	if (text[0] != '/')
		return STEP_ON;
	if (walk->promises & WALK_BENEATH)
		return host_error(host, EXDEV);
	walk->modes = walk->world->prefixes->root_modes;
	return step_to_root(host);
}

static enum step step_missing(struct host *host, int error, const char *name, bool last)
{
	if (error == ENOENT && last && host->was_ours)
		return host_end(host, name); /* it may be created there */
	return host_error(host, error);
}

/* "." and "..": whoever may not search the directory is refused these, too. */
static enum step step_dots(struct host *host, const char *dots)
{
	int fd = look_open(&host->target->call, host->dir, dots, O_DIRECTORY, 0);

	if (fd == LOOK_WAITS)
		return end(host, TARGET_QUESTION);
	if (fd < 0)
		return host_error(host, -fd);
	if (dots[1])
		return step_down(host, fd, dots);
	close(fd);
	return STEP_ON;
}

/* An error that comes after the permission to search. */
static enum step end_searched(struct host *host, int error)
{
	return step_dots(host, ".") == STEP_ON ? host_error(host, error) : STEP_END;
}

static enum step step_name(struct host *host, const char *raw, size_t len, bool last)
{
	struct target *target = host->target;
	char name[WALK_NAME_MAX + 1], self[48];
	const char *shown = name;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (last && target->walk.trailing_slash &&
	    target->walk.slash == WALK_SLASH_REFUSED)
		return end_searched(host, EISDIR); /* whatever it is */
	if (len > WALK_NAME_MAX) /* of /proc it is no name at all: ENOENT */
		return end_parent(host, raw, len);
	memcpy(name, raw, len);
	name[len] = '\0';
	if ((strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0) &&
	    is_proc(host, host->dir) && (!last || (host->flags & TARGET_FOLLOW)))
		shown = procfs_own_name(target, host->dir, name, self, sizeof(self));
	fd = look_open(&target->call, host->dir, shown, O_NOFOLLOW, 0);
	if (fd == LOOK_WAITS)
		return end(host, TARGET_QUESTION);
	if (fd < 0)
		return step_missing(host, -fd, name, last);
	if (look_stat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		return step_link(host, fd, shown, last);
	if (last && !host->was_ours && S_ISREG(st.st_mode) && is_proc(host, fd))
		procfs_note_text(target, host->dir, name);
	if (host_wants_directory(host, last) && !S_ISDIR(st.st_mode))
		return host_error(host, ENOTDIR);
	return step_down(host, take_fd(&fd), name);
}

/* ---- rows of the table of prefixes ---- */

/* The row for the name just taken, or NULL. Where a mount shows a directory once more,
 * its rows are there, too. */
static const struct prefix *row_here(const struct host *host, const char *name,
				     size_t len)
{
	const struct walk *walk = &host->target->walk;
	const struct prefix *row = walk_row(walk, NULL, false, name, len);
	struct stat st;

	if (!row || look_stat(host->dir, &st) < 0)
		return NULL;
	while (row && (row->dev != st.st_dev || row->ino != st.st_ino))
		row = walk_row(walk, row, false, name, len);
	return row;
}

/* Not of kind MODES, which changes nothing of the way. */
static enum step step_row(struct host *host, const struct prefix *row)
{
	struct walk *walk = &host->target->walk;

	if (row->kind == PREFIX_TOP)
		return host_ours(host, &(struct place){.kind = PLACE_TOP});
	host->was_ours = true;
	if (row->kind == PREFIX_DENY || row->kind == PREFIX_ENOENT)
		return host_error(host, row->kind == PREFIX_DENY ? EACCES : ENOENT);
	if (walk->promises & (WALK_SCOPED | WALK_NO_XDEV))
		return host_error(host, EXDEV);
	if (walk_replace(walk, row) < 0)
		return host_error(host, ELOOP);
	if (row->kind == PREFIX_INSIDE)
		return host_ours(host, &(struct place){.kind = PLACE_TOP});
	return step_to_root(host);
}

/* To the directory above; what the host has at the repositories' place is theirs. */
static enum step step_up(struct host *host)
{
	struct run *run = host->target->call.run;
	enum step step = step_dots(host, "..");
	struct stat st;

	if (step == STEP_ON && run->machine.top_ino && look_stat(host->dir, &st) == 0 &&
	    st.st_dev == run->machine.top_dev && st.st_ino == run->machine.top_ino)
		return host_ours(host, &(struct place){.kind = PLACE_TOP});
	if (step == STEP_ON && run->prefixes.rules)
		return rules_here(host);
	return step;
}

static enum step step_once(struct host *host)
{
	struct walk *walk = &host->target->walk;
	const struct prefix *row;
	const char *name;
	size_t len;
	bool last;

	if (host->dir < 0)
		return host_error(host, EIO);
	if (!walk_next(walk, &name, &len, &last))
		return host_end(host, "");
	row = row_here(host, name, len);
	if (row)
		walk->modes = row->modes;
	if (row && row->kind != PREFIX_MODES)
		return step_row(host, row);
	if (last && walk->parent_only)
		return end_parent(host, name, len);
	if (len == 1 && name[0] == '.')
		return step_dots(host, ".");
	if (len != 2 || name[0] != '.' || name[1] != '.')
		return step_name(host, name, len, last);
	if (!footing_is_root(host->target->call.run, host->target->call.tracee,
			     host->dir))
		return step_up(host);
	return walk->promises & WALK_BENEATH ? host_error(host, EXDEV) : STEP_ON;
}

void host_walk(struct target *target, int fd, bool was_ours, unsigned int flags)
{
	struct host host;

	host.target = target;
	host.dir = fd;
	host.was_ours = was_ours;
	host.flags = flags;
	host.magic[0] = '\0';
	/* Every step takes a name off the rest or follows one of at most 40 links. */
	while (step_once(&host) == STEP_ON)
		;
	if (host.dir >= 0)
		close(host.dir);
}
