/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/preferring.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/footing.h"
#include "find/look.h"

/* What was found out of one name. */
struct preferred {
	struct preferred *next;
	bool hosts;
	char name[];
};

/* -r may ask for another revision than the host has. */
static bool is_named(const struct run *run, const char *name, size_t len)
{
	for (size_t i = 0; i < run->named_count; i++) {
		if (strcspn(run->named[i], "@=,") == len &&
		    memcmp(run->named[i], name, len) == 0)
			return true;
	}
	return false;
}

/* Another mount than the directory around it. */
static bool is_mounted(const struct run *run, int fd)
{
	struct stat st;

	if (look_stat(fd, &st) < 0)
		return false;
	return st.st_dev != run->machine.top_dev ||
	       footing_mount(fd, "") != footing_mount(AT_FDCWD, PREFIX_REPOSITORIES);
}

static void note(struct run *run, const char *name, size_t len, bool hosts)
{
	struct preferred *item = malloc(sizeof(*item) + len + 1);

	if (!item)
		return; /* it is asked again */
	memcpy(item->name, name, len);
	item->name[len] = '\0';
	item->hosts = hosts;
	item->next = run->preferred;
	run->preferred = item;
}

enum walk_answer preferring_asks(struct call *call, const char *name, size_t len)
{
	struct run *run = call->run;
	char path[sizeof(PREFIX_REPOSITORIES "/") + WALK_NAME_MAX];
	bool hosts = false;
	int fd;

	for (struct preferred *at = run->preferred; at; at = at->next) {
		if (strlen(at->name) == len && memcmp(at->name, name, len) == 0)
			return at->hosts ? WALK_HOSTS : WALK_NO;
	}
	if (!run->machine.top_ino || len > WALK_NAME_MAX || is_named(run, name, len))
		return WALK_NO;
	snprintf(path, sizeof(path), PREFIX_REPOSITORIES "/%.*s", (int)len, name);
	/* A directory is asked for, which makes an automounter mount it. */
	fd = look_open(call, AT_FDCWD, path, O_DIRECTORY, 0);
	if (fd == LOOK_WAITS)
		return WALK_UNKNOWN;
	if (fd >= 0) {
		hosts = is_mounted(run, fd);
		close(fd);
	}
	note(run, name, len, hosts);
	return hosts ? WALK_HOSTS : WALK_NO;
}
