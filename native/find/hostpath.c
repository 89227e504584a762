/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/hostpath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/footing.h"
#include "find/look.h"
#include "find/procfs.h"

/* 1: it is where the tracee's `path` leads, in the same mount; 0: not; LOOK_WAITS. */
static int leads_to(struct call *call, int dir, const char *path)
{
	int root = footing_root(call->run, call->tracee), fd;
	struct stat named, st;
	bool same;

	if (root < 0)
		return 0;
	path += strspn(path, "/");
	fd = look_open(call, root, path[0] ? path : ".", O_NOFOLLOW, 0);
	close(root);
	if (fd < 0)
		return fd == LOOK_WAITS ? fd : 0;
	same = look_stat(fd, &named) == 0 && look_stat(dir, &st) == 0 &&
	       named.st_dev == st.st_dev && named.st_ino == st.st_ino &&
	       footing_mount(fd, "") == footing_mount(dir, "");
	close(fd);
	return same;
}

ssize_t hostpath_of(struct call *call, int dir, const char *magic,
		    char path[TARGET_PATH_SIZE])
{
	ssize_t len = procfs_path_for(call->run, call->tracee, dir, path);
	struct stat st;
	int found;

	if (len < 0)
		return -errno;
	if (!magic[0] || look_stat(dir, &st) < 0)
		return len;
	found = path[0] == '/' ? leads_to(call, dir, path) : 0;
	if (found)
		return found < 0 ? found : len;
	return snprintf(path, TARGET_PATH_SIZE, "%s%s", magic,
			S_ISDIR(st.st_mode) ? "/" : "");
}
