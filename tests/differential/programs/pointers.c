/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bad pointers, long names and paths; buffers that end at an unmapped page. */
/* covers: open openat openat2 creat stat lstat newfstatat statx access faccessat */
/* covers: faccessat2 readlink readlinkat statfs mkdir mkdirat mknod mknodat */
/* covers: symlink symlinkat link linkat rename renameat renameat2 unlink */
/* covers: unlinkat rmdir chmod fchmodat chown lchown fchownat utime utimes */
/* covers: futimesat utimensat truncate setxattr removexattr chroot execve */
/* covers: name_to_handle_at inotify_add_watch */
#include "probe.h"

#include <limits.h>
#include <sys/inotify.h>
#include <sys/statfs.h>

static void each(const char *path, const char *label)
{
	struct stat st;
	char buffer[4096];

	say_open(CALL(open, path, O_RDONLY), "open %s", label);
	say_open(CALL(openat, AT_FDCWD, path, O_RDONLY), "openat %s", label);
	say_open(CALL(openat2, AT_FDCWD, path, ((const uint64_t[3]){0, 0, 0}), 24),
		 "openat2 %s", label);
	say_open(CALL(creat, path, 0644), "creat %s", label);
	say(CALL(stat, path, &st), "stat %s", label);
	say(CALL(lstat, path, &st), "lstat %s", label);
	say(CALL(newfstatat, AT_FDCWD, path, &st, 0), "newfstatat %s", label);
	say(CALL(newfstatat, AT_FDCWD, path, &st, 0x800), "newfstatat automount %s",
	    label);
	say(CALL(newfstatat, AT_FDCWD, path, &st, 1), "newfstatat bad flag %s", label);
	say(CALL(statx, AT_FDCWD, path, 0, 0, buffer), "statx %s", label);
	say(CALL(statx, AT_FDCWD, path, 1, 0, buffer), "statx bad flag %s", label);
	say(CALL(statx, AT_FDCWD, path, 0, 0x80000000u, buffer), "statx bad mask %s",
	    label);
	say(CALL(access, path, R_OK), "access %s", label);
	say(CALL(access, path, 8), "access bad %s", label);
	say(CALL(faccessat, AT_FDCWD, path, R_OK), "faccessat %s", label);
	say(CALL(faccessat2, AT_FDCWD, path, R_OK, 1), "faccessat2 bad flag %s", label);
	say(CALL(readlink, path, buffer, 0), "readlink into nothing %s", label);
	say(CALL(readlink, path, buffer, -1), "readlink into less %s", label);
	say(CALL(readlinkat, AT_FDCWD, path, buffer, 10), "readlinkat %s", label);
	say(CALL(statfs, path, buffer), "statfs %s", label);
	say(CALL(execve, path, NULL, NULL), "execve %s", label);
	say(CALL(name_to_handle_at, AT_FDCWD, path, buffer, buffer, 3),
	    "name_to_handle_at %s", label);
	say(CALL(inotify_add_watch, 900, path, IN_MODIFY), "inotify_add_watch %s",
	    label);
}

static void changes(const char *path, const char *label)
{
	const char *file = at_root("file");

	say(CALL(mkdir, path, 0755), "mkdir %s", label);
	say(CALL(mkdirat, AT_FDCWD, path, 0755), "mkdirat %s", label);
	say(CALL(mknod, path, S_IFREG, 0), "mknod %s", label);
	say(CALL(mknodat, AT_FDCWD, path, S_IFREG, 0), "mknodat %s", label);
	say(CALL(symlink, "x", path), "symlink %s", label);
	say(CALL(symlink, path, file), "symlink of %s", label);
	say(CALL(symlinkat, path, AT_FDCWD, at_root("none")), "symlinkat of %s", label);
	say(CALL(link, path, at_root("none")), "link %s", label);
	say(CALL(link, file, path), "link to %s", label);
	say(CALL(linkat, AT_FDCWD, path, AT_FDCWD, file, 0), "linkat %s", label);
	say(CALL(rename, path, at_root("none")), "rename %s", label);
	say(CALL(rename, file, path), "rename to %s", label);
	say(CALL(renameat, AT_FDCWD, path, AT_FDCWD, file), "renameat %s", label);
	say(CALL(renameat2, AT_FDCWD, file, AT_FDCWD, path, 1), "renameat2 %s", label);
	say(CALL(unlink, path), "unlink %s", label);
	say(CALL(unlinkat, AT_FDCWD, path, 0), "unlinkat %s", label);
	say(CALL(rmdir, path), "rmdir %s", label);
	say(CALL(chmod, path, 0600), "chmod %s", label);
	say(CALL(fchmodat, AT_FDCWD, path, 0600), "fchmodat %s", label);
	say(CALL(chown, path, 0, 0), "chown %s", label);
	say(CALL(lchown, path, 0, 0), "lchown %s", label);
	say(CALL(fchownat, AT_FDCWD, path, 0, 0, 0), "fchownat %s", label);
	say(CALL(utime, path, 8), "utime bad times %s", label);
	say(CALL(utimes, path, 8), "utimes bad times %s", label);
	say(CALL(futimesat, AT_FDCWD, path, 8), "futimesat bad times %s", label);
	say(CALL(utimensat, AT_FDCWD, path, 8, 0), "utimensat bad times %s", label);
	say(CALL(truncate, path, 0), "truncate %s", label);
	say(CALL(setxattr, path, 8, "v", 1, 0), "setxattr bad name %s", label);
	say(CALL(setxattr, path, "user.x", 8, 1, 0), "setxattr bad value %s", label);
	say(CALL(setxattr, path, "", "v", 1, 0), "setxattr no name %s", label);
	say(CALL(removexattr, path, 8), "removexattr bad name %s", label);
	say(CALL(chroot, "/none"), "chroot %s", label);
}

/* ROOT/dir/./././... of exactly `length` bytes, with `end` last. */
static char *long_path(size_t length, const char *end)
{
	char *path = tail(length + 1);
	size_t at = (size_t)sprintf(path, "%s/dir/..", root);

	while (at + strlen(end) + 2 < length) {
		memcpy(path + at, "/.", 2);
		at += 2;
	}
	while (at + strlen(end) < length)
		path[at++] = '/';
	strcpy(path + at, end);
	return path;
}

static void paths(void)
{
	char *unterminated = tail(300), *short_text = tail(4);
	char label[40];

	memset(unterminated, '/', 300);
	memcpy(short_text, "/cvm", 4);
	each(NULL, "NULL");
	changes(NULL, "NULL");
	each((char *)8, "8");
	changes((char *)8, "8");
	each((char *)-1, "-1");
	changes((char *)-1, "-1");
	each((char *)(1ull << 63), "kernel");
	each(unterminated, "unterminated");
	each(short_text, "cut");
	each("", "empty");
	changes("", "empty");
	for (size_t length = 4093; length <= 4098; length++) {
		snprintf(label, sizeof(label), "%zu bytes", length);
		each(long_path(length, "file"), label);
		changes(long_path(length, "file"), label);
		snprintf(label, sizeof(label), "none of %zu bytes", length);
		each(long_path(length, "none"), label);
	}
}

static void buffers(void)
{
	static const size_t sizes[] = {
		0, 1, 8, 16, 100, sizeof(struct stat) - 1, sizeof(struct stat)};
	const char *file = at_root("file"), *link = at_root("link");
	int fd = must_open(file, O_RDONLY);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];

		say(CALL(stat, file, tail(size)), "stat into %zu", size);
		say(CALL(lstat, link, tail(size)), "lstat into %zu", size);
		say(CALL(fstat, fd, tail(size)), "fstat into %zu", size);
		say(CALL(newfstatat, fd, "", tail(size), AT_EMPTY_PATH),
		    "newfstatat into %zu", size);
		say(CALL(statfs, file, tail(size)), "statfs into %zu", size);
		say(CALL(fstatfs, fd, tail(size)), "fstatfs into %zu", size);
		say(CALL(readlink, link, tail(size), 4096), "readlink into %zu", size);
		say(CALL(readlink, link, tail(size), size), "readlink of %zu", size);
	}
	say(CALL(statx, AT_FDCWD, file, 0, 0x7ff, tail(255)), "statx into 255");
	say(CALL(statx, AT_FDCWD, file, 0, 0x7ff, tail(256)), "statx into 256");
	say(CALL(stat, file, NULL), "stat into NULL");
	say(CALL(fstat, fd, (void *)8), "fstat into 8");
	say(CALL(stat, at_root("none"), NULL), "stat of none into NULL");
	say(CALL(statx, fd, NULL, AT_EMPTY_PATH, 0x7ff, tail(256)), "statx NULL");
	say(CALL(newfstatat, fd, NULL, tail(sizeof(struct stat)), AT_EMPTY_PATH),
	    "newfstatat NULL");
	say(CALL(newfstatat, fd, NULL, tail(sizeof(struct stat)), 0),
	    "newfstatat NULL without a flag");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	must_chdir("/");
	in_child("paths", paths);
	in_child("buffers", buffers);
	return 0;
}
