/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interpose.h"
#include "owned/lists.h"

enum { MOST_LINKS = 40 }; /* as the kernel's path walk */

static const int LOOK = O_PATH | O_NOFOLLOW | O_CLOEXEC;

struct way {
	struct owners owners;
	int current; /* the directory so far */
	bool is_guarded;
	int links;
	char rest[PATH_MAX]; /* what is still to be walked */
};

static bool alone_write(int fd, const struct stat *st, struct owners owners)
{
	if (!owners_have(owners, st->st_uid) || st->st_mode & S_IWOTH)
		return false;
	if (st->st_mode & S_IWGRP && list_of_posix_lets_others_write(fd, owners))
		return false;
	return !list_of_server_lets_others_write(fd, st->st_dev);
}

static bool is_alone_written(int fd, struct owners owners)
{
	struct stat st;

	return fstat(fd, &st) == 0 && alone_write(fd, &st, owners);
}

/* Takes the first name off; false at the end. */
static bool next_name(const char **names, char ret_name[NAME_MAX + 1], int *ret_error)
{
	size_t len;

	*names += strspn(*names, "/");
	len = strcspn(*names, "/");
	*ret_error = len > NAME_MAX ? -ENAMETOOLONG : 0;
	if (len == 0 || *ret_error < 0)
		return false;
	memcpy(ret_name, *names, len);
	ret_name[len] = '\0';
	*names += len;
	return true;
}

static int judge(struct way *way, bool is_last)
{
	struct stat st;
	bool alone;

	if (fstat(way->current, &st) < 0)
		return -errno;
	alone = alone_write(way->current, &st, way->owners);
	/* What an owner has made in a sticky directory stays what it is. */
	if (!alone && !is_last)
		alone = st.st_mode & S_ISVTX && owners_have(way->owners, st.st_uid);
	way->is_guarded = way->is_guarded && alone;
	return 0;
}

static void enter(struct way *way, int directory)
{
	close(way->current);
	way->current = directory;
}

/* Whether the link that is open may be followed. */
static int allow(struct way *way, int link)
{
	struct stat st;

	if (fstat(link, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return -ENOTDIR;
	if (++way->links > MOST_LINKS)
		return -ELOOP;
	if (owners_have(way->owners, st.st_uid) ||
	    is_alone_written(way->current, way->owners))
		return 0;
	return -EACCES;
}

/* Puts the target of the link that is open in front of the rest. */
static int put_in_front(struct way *way, int link, const char *rest)
{
	char joined[PATH_MAX];
	ssize_t len = readlinkat(link, "", joined, sizeof(joined));
	size_t rest_len = strlen(rest);

	if (len < 0)
		return -errno;
	if (len == 0)
		return -ENOENT;
	if ((size_t)len + 1 + rest_len >= sizeof(joined))
		return -ENAMETOOLONG;
	joined[len] = '/';
	memcpy(joined + len + 1, rest, rest_len + 1);
	memcpy(way->rest, joined, (size_t)len + 1 + rest_len + 1);
	if (joined[0] == '/') {
		int root = open("/", LOOK | O_DIRECTORY);

		if (root < 0)
			return -errno;
		enter(way, root);
	}
	return 0;
}

/* Goes to a directory, or makes the names of a link those to go. */
static int step(struct way *way, const char *name, const char **rest)
{
	/* O_DIRECTORY also lets the automounter know. */
	int deeper = openat(way->current, name, LOOK | O_DIRECTORY), error;

	if (deeper >= 0) {
		enter(way, deeper);
		return 0;
	}
	if (errno != ENOTDIR && errno != ELOOP)
		return -errno;
	deeper = openat(way->current, name, LOOK);
	if (deeper < 0)
		return -errno;
	error = allow(way, deeper);
	if (error == 0)
		error = put_in_front(way, deeper, *rest);
	close(deeper);
	*rest = way->rest;
	return error;
}

static int walk(struct way *way)
{
	const char *rest = way->rest;
	char name[NAME_MAX + 1];
	int error;

	while (next_name(&rest, name, &error)) {
		if (strcmp(name, ".") == 0)
			continue;
		error = judge(way, false);
		if (error == 0)
			error = step(way, name, &rest);
		if (error < 0)
			return error;
	}
	return error < 0 ? error : judge(way, true);
}

static int go_below(int current, const char *names, struct owners owners,
		    bool *is_guarded)
{
	char name[NAME_MAX + 1];
	int error;

	while (next_name(&names, name, &error)) {
		int deeper = openat(current, name, LOOK | O_DIRECTORY);

		error = deeper < 0 ? -errno : 0;
		close(current);
		if (error < 0)
			return error;
		current = deeper;
		*is_guarded = *is_guarded && is_alone_written(current, owners);
	}
	if (error < 0) {
		close(current);
		return error;
	}
	return current;
}

int interpose_walk_to(const char *path, const char *names, const uint32_t *uids,
		      size_t count, int *ret_is_guarded)
{
	struct way way = {.owners = {uids, count}, .is_guarded = true};
	size_t len = strlen(path);
	int result;

	if (len >= sizeof(way.rest))
		return -ENAMETOOLONG;
	memcpy(way.rest, path, len + 1);
	way.current = open("/", LOOK | O_DIRECTORY);
	if (way.current < 0)
		return -errno;
	result = walk(&way);
	if (result < 0) {
		close(way.current);
		return result;
	}
	result = go_below(way.current, names, way.owners, &way.is_guarded);
	*ret_is_guarded = way.is_guarded;
	return result;
}

int interpose_walk_below(int directory, const char *names, const uint32_t *uids,
			 size_t count, int *is_guarded)
{
	int current = fcntl(directory, F_DUPFD_CLOEXEC, 0), result;
	bool flag = *is_guarded != 0;

	if (current < 0)
		return -errno;
	result = go_below(current, names, (struct owners){uids, count}, &flag);
	*is_guarded = flag;
	return result;
}

int interpose_alone_write(int fd, const uint32_t *uids, size_t count)
{
	return is_alone_written(fd, (struct owners){uids, count});
}
