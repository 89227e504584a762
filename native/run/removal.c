/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/removal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 60, ROUNDS = 5 };

struct removal {
	int top_fd; /* deep trees are moved up to here, so no path gets long */
	dev_t device;
	unsigned int moved;
	const char *last; /* a name in it that goes when all others have gone */
};

/* Of what an O_PATH descriptor holds, whatever its name means by now. */
int removal_set_mode(int fd, mode_t mode)
{
	char itself[64];

	snprintf(itself, sizeof(itself), "/proc/self/fd/%d", fd);
	return chmod(itself, mode) < 0 ? -errno : 0;
}

int removal_open_directory(int parent, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);
	int held;

	if (fd >= 0 || errno != EACCES)
		return fd;
	/* Made unreadable by the job. */
	held = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (held < 0)
		return -1;
	fd = removal_set_mode(held, 0700) < 0 ? -1 : openat(held, ".", flags);
	close(held);
	return fd;
}

static bool make_empty(struct removal *removal, int fd, int depth);

/* True if `name` is gone from `parent`. */
static bool remove_directory(struct removal *removal, int parent, const char *name,
			     int depth)
{
	struct stat status;
	char up[32];
	int fd;

	if (depth > DEPTH_MAX) {
		snprintf(up, sizeof(up), "deep-%u", removal->moved++);
		return renameat(parent, name, removal->top_fd, up) == 0;
	}
	fd = removal_open_directory(parent, name);
	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &status) == 0 && status.st_dev == removal->device) {
		if ((status.st_mode & 0700) != 0700)
			fchmod(fd, 0700);
		make_empty(removal, fd, depth + 1);
	}
	close(fd);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

/* True if nothing is left in `fd`, but for what goes last. */
static bool make_empty(struct removal *removal, int fd, int depth)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool empty = true;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	rewinddir(directory);
	while ((entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (depth == 0 && strcmp(entry->d_name, removal->last) == 0)
			continue;
		/* Of many directories most are empty. */
		if (unlinkat(fd, entry->d_name,
			     entry->d_type == DT_DIR ? AT_REMOVEDIR : 0) == 0 ||
		    errno == ENOENT)
			continue;
		if ((entry->d_type != DT_DIR && errno != EISDIR && errno != EPERM) ||
		    !remove_directory(removal, fd, entry->d_name, depth))
			empty = false;
	}
	closedir(directory);
	return empty;
}

int removal_of_tree(int parent, const char *name, int fd, const char *last)
{
	struct removal removal = {.top_fd = fd, .last = last};
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	removal.device = status.st_dev;
	fchmod(fd, 0700);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned int moved = removal.moved;

		if (make_empty(&removal, fd, 0) && removal.moved == moved)
			unlinkat(fd, last, 0);
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (removal.moved != moved)
			round = -1; /* deep trees came up: that will have an end */
		else
			usleep(1000); /* a job of a killed tracer may still write */
	}
	return -ENOTEMPTY;
}
