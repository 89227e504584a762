/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk of native/owned with a test at its elbow: after each call of the system
 * `after` is told, and one file has the list that the test gives it, on a file system
 * of the type that the test names. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

void (*hook_after)(const char *call);
const char *hook_list_name;
const unsigned char *hook_list;
long hook_list_size; /* or -errno */
uint64_t hook_list_ino;
long hook_type;

static void after(const char *call)
{
	int error = errno;

	if (hook_after)
		hook_after(call);
	errno = error;
}

static int hooked_open(const char *path, int flags)
{
	int fd = open(path, flags);

	after("open");
	return fd;
}

static int hooked_openat(int directory, const char *path, int flags)
{
	int fd = openat(directory, path, flags);

	after("openat");
	return fd;
}

static int hooked_fstat(int fd, struct stat *st)
{
	int result = fstat(fd, st);

	after("fstat");
	return result;
}

static ssize_t hooked_readlinkat(int directory, const char *path, char *text,
				 size_t size)
{
	ssize_t len = readlinkat(directory, path, text, size);

	after("readlinkat");
	return len;
}

static ssize_t hooked_getxattr(const char *path, const char *name, void *value,
			       size_t size)
{
	struct stat st;

	if (!hook_list_name || strcmp(name, hook_list_name) != 0 ||
	    stat(path, &st) < 0 || st.st_ino != hook_list_ino)
		return getxattr(path, name, value, size);
	if (hook_list_size < 0) {
		errno = (int)-hook_list_size;
		return -1;
	}
	if (size > 0)
		memcpy(value, hook_list, (size_t)hook_list_size);
	return hook_list_size;
}

static int hooked_fstatfs(int fd, struct statfs *found)
{
	int result = fstatfs(fd, found);

	if (hook_type != 0)
		found->f_type = hook_type;
	return result;
}

#define open(path, flags) hooked_open(path, flags)
#define openat(directory, path, flags) hooked_openat(directory, path, flags)
#define fstat(fd, st) hooked_fstat(fd, st)
#define readlinkat hooked_readlinkat
#define getxattr hooked_getxattr
#define fstatfs(fd, found) hooked_fstatfs(fd, found)

/* One file alone has a list here. */
#define LISTS_REMEMBERED_SECONDS 0
#include "owned/lists.c"
#include "owned/types.c"
#include "owned/walk.c"
