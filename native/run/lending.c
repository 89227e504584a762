/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/lending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/nodes.h"

static int copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, result = 0;
	struct stat st;
	off_t at = 0;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0 || fstat(in, &st) < 0)
		result = -errno;
	while (result == 0 && at < st.st_size) {
		ssize_t moved = sendfile(out, in, &at, (size_t)(st.st_size - at));

		if (moved <= 0)
			result = moved < 0 ? -errno : -EIO;
	}
	if (result == 0 && fchmod(out, 0555) < 0)
		result = -errno;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (result < 0 && out >= 0)
		unlink(to);
	return result;
}

int lending_make(struct run *run, const char *path, const struct place *place,
		 char *ret_path, size_t size)
{
	struct stat st;
	int result;

	if (stat(path, &st) < 0)
		return -errno;
	result = snprintf(ret_path, size, "%s/o/%llx-%llx", run->scratch.path,
			  (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	if ((size_t)result >= size)
		return -ENAMETOOLONG;
	result = 0;
	if (access(ret_path, F_OK) < 0 && link(path, ret_path) < 0)
		result = copy(path, ret_path);
	if (result < 0)
		return result;
	if (stat(ret_path, &st) < 0)
		return -errno;
	nodes_learn(run, st.st_dev, st.st_ino, NODE_OBJECT, place);
	return 0;
}
