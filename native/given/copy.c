/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "given/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "find/errand.h"
#include "find/target.h"
#include "index/lookup.h"

enum { PORTION = 1024 * 1024 };

struct copy {
	int from;
	copy_change change;
	off_t most;
	char text[TARGET_PATH_SIZE];
	char to[TARGET_PATH_SIZE];
};

static void copy_drop(void *argument)
{
	struct copy *copy = argument;

	if (copy->from >= 0)
		close(copy->from);
	free(copy);
}

static int copy_content(int from, int to, off_t size, const struct copy *copy,
			const atomic_bool *over)
{
	off_t at = 0;

	/* Some file systems let two files have the same blocks. */
	if (size && ioctl(to, FICLONE, from) == 0)
		return 0;
	if (copy->most && size > copy->most)
		return -EFBIG;
	while (at < size) {
		size_t left = (size_t)(size - at);
		ssize_t moved =
			sendfile(to, from, &at, left < PORTION ? left : PORTION);

		if (atomic_load(over))
			return -EINTR;
		if (moved <= 0)
			return moved < 0 ? -errno : -EIO;
	}
	return 0;
}

static int copy_fill(const struct copy *copy, int fd, const atomic_bool *over)
{
	char name[32];
	struct stat st = {0};
	_cleanup_close_ int from = -1;
	int result = 0;

	/* Read in this thread: opening may have to wait. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", copy->from);
	from = open(name, O_RDONLY | O_CLOEXEC);
	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	result = copy_content(from, fd, st.st_size, copy, over);
	if (result == 0 && copy->change)
		result = copy->change(fd, (size_t)st.st_size, copy->text);
	if (result == 0 && (fchmod(fd, 0555) < 0 ||
			    futimens(fd, (struct timespec[]){{.tv_nsec = UTIME_OMIT},
							     st.st_ctim}) < 0))
		result = -errno;
	return result;
}

bool copy_is_fresh(const char *path, const struct stat *source)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	if (st.st_dev == source->st_dev && st.st_ino == source->st_ino)
		return true;
	/* A number may be another file's by now, and a file's content another. Not all
	 * file systems keep parts of a second. */
	return (st.st_mode & 07777) == 0555 &&
	       st.st_mtim.tv_sec == source->st_ctim.tv_sec &&
	       (st.st_mtim.tv_nsec == source->st_ctim.tv_nsec ||
		st.st_mtim.tv_nsec == 0);
}

static int copy_work(void *argument, const atomic_bool *over)
{
	const struct copy *copy = argument;
	char temporary[TARGET_PATH_SIZE + 1];
	int fd, result;

	snprintf(temporary, sizeof(temporary), "%s~", copy->to);
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	if (fd < 0)
		return -errno;
	result = copy_fill(copy, fd, over);
	close(fd);
	if (result == 0 && rename(temporary, copy->to) < 0)
		result = -errno;
	if (result < 0)
		unlink(temporary);
	return result;
}

static struct copy *copy_create(const struct copy_order *order)
{
	struct copy *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	copy->change = order->change;
	copy->most = order->most;
	snprintf(copy->text, sizeof(copy->text), "%s", order->text ? order->text : "");
	snprintf(copy->to, sizeof(copy->to), "%s", order->to);
	copy->from = fcntl(order->fd, F_DUPFD_CLOEXEC, 0);
	return copy;
}

int copy_at_once(const struct copy_order *order)
{
	struct copy *copy = copy_create(order);
	const atomic_bool over = false;
	int result = copy ? copy_work(copy, &over) : -ENOMEM;

	if (copy)
		copy_drop(copy);
	return result;
}

int copy_make(struct call *call, const struct copy_order *order)
{
	struct errand errand = {
		.work = copy_work, .drop = copy_drop, .writes = true, .shared = true};
	struct copy *copy = copy_create(order);
	void *nothing;

	if (!copy)
		return -ENOMEM;
	errand.argument = copy;
	errand.key = index_name_hash(order->to, strlen(order->to));
	return errand_of_call(call, &errand, &nothing);
}
