/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owned/owned.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 40 };

struct way {
	char done[PATH_MAX]; /* no link is in it; "" is the root */
	char rest[PATH_MAX]; /* what is still to be walked */
	int links;
};

/* A user namespace that does not know the host's root shows its files as nobody's; the
 * kernel's own tells which number that is, however deep the namespace. */
static bool is_roots(uid_t uid)
{
	struct stat st;

	return uid == 0 ||
	       (lstat("/proc/sys/kernel/overflowuid", &st) == 0 && st.st_uid == uid);
}

static int judge(const struct stat *st, bool is_last)
{
	const mode_t others = S_IWGRP | S_IWOTH;
	uid_t user = geteuid();

	if (st->st_uid != user && (is_last || !is_roots(st->st_uid)))
		return INTERPOSE_OWNED_FOREIGN;
	if (S_ISLNK(st->st_mode) || !(st->st_mode & others))
		return INTERPOSE_OWNED;
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) && !is_last)
		return INTERPOSE_OWNED;
	return INTERPOSE_OWNED_OPEN;
}

/* Puts a link's target in front of the rest; `done` is still its directory. */
static int follow(struct way *way, const char *link)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len <= 0 || ++way->links > MOST_LINKS)
		return INTERPOSE_OWNED_UNKNOWN;
	target[len] = '\0';
	if (snprintf(rest, sizeof(rest), "%s/%s", target, way->rest) >=
	    (int)sizeof(rest))
		return INTERPOSE_OWNED_UNKNOWN;
	memcpy(way->rest, rest, sizeof(rest));
	if (target[0] == '/')
		way->done[0] = '\0';
	return INTERPOSE_OWNED;
}

/* Takes the first name off the rest; false at the end. */
static bool next_name(struct way *way, char *ret_name, size_t size)
{
	char *at = way->rest + strspn(way->rest, "/");
	size_t len = strcspn(at, "/");

	if (len == 0 || len >= size)
		return false;
	memcpy(ret_name, at, len);
	ret_name[len] = '\0';
	memmove(way->rest, at + len, strlen(at + len) + 1);
	return true;
}

static bool is_last(const struct way *way)
{
	return way->rest[strspn(way->rest, "/")] == '\0';
}

static int step(struct way *way, const char *name, char *path, size_t size)
{
	struct stat st;
	int found;

	if (strcmp(name, ".") == 0)
		return INTERPOSE_OWNED;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(way->done, '/');

		if (slash)
			*slash = '\0';
		return INTERPOSE_OWNED;
	}
	if (snprintf(path, size, "%s/%s", way->done, name) >= (int)size)
		return INTERPOSE_OWNED_UNKNOWN;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? INTERPOSE_OWNED_MISSING
				       : INTERPOSE_OWNED_UNKNOWN;
	/* Of a link at the end counts what it leads to. */
	found = judge(&st, is_last(way) && !S_ISLNK(st.st_mode));
	if (found != INTERPOSE_OWNED)
		return found;
	if (S_ISLNK(st.st_mode))
		return follow(way, path);
	memcpy(way->done, path, strlen(path) + 1);
	return INTERPOSE_OWNED;
}

int owned_check(const char *path, char *ret_where, size_t size)
{
	struct way way = {.links = 0};
	char name[NAME_MAX + 1];
	int found = INTERPOSE_OWNED;

	snprintf(ret_where, size, "%s", path);
	if (path[0] != '/' || strlen(path) >= sizeof(way.rest))
		return INTERPOSE_OWNED_UNKNOWN;
	memcpy(way.rest, path, strlen(path) + 1);
	while (found == INTERPOSE_OWNED && next_name(&way, name, sizeof(name)))
		found = step(&way, name, ret_where, size);
	return found;
}
