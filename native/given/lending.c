/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "given/lending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "given/copy.h"
#include "run/nodes.h"
#include "run/scratch.h"

static int lend(struct call *call, const char *path, const struct stat *st,
		const char *to)
{
	int fd, result;

	if (copy_is_fresh(to, st))
		return 0;
	scratch_folder(&call->run->scratch, 'o');
	if (link(path, to) == 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = copy_make(call, &(struct copy_order){.fd = fd, .to = to});
	close(fd);
	return result;
}

int lending_make(struct call *call, const char *path, const struct place *place,
		 char *ret_path, size_t size)
{
	char buffer[SCRATCH_OWN_SIZE];
	const char *own;
	struct stat st;
	int result;

	if (stat(path, &st) < 0)
		return -errno;
	result = snprintf(ret_path, size, "%s/o/%llx-%llx", call->run->scratch.path,
			  (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	if ((size_t)result >= size)
		return -ENAMETOOLONG;
	own = scratch_own(&call->run->scratch, ret_path, buffer);
	result = lend(call, path, &st, own);
	if (result < 0)
		return result;
	if (stat(own, &st) < 0)
		return -errno;
	nodes_learn(call->run, &st, NODE_OBJECT, place);
	return 0;
}
