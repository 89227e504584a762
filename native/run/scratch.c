/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory belongs to a living run as long as somebody holds the lock on the file
 * LOCK in it. The file gets its name only after it was locked, so a directory without
 * LOCK is one that is being made, or whose maker died in that moment. */
#define _GNU_SOURCE 1
#include "run/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run/removal.h"

#define PREFIX ".interpose-"
#define LOCK "lock"
#define LOCK_NEW "lock.new"

enum { UNLOCKED_AGE_S = 600 };

/* Who made a lock file, for file systems without locks: node, boot and process. */
static void scratch_describe(char *text, size_t size, pid_t pid)
{
	char path[64], stat_line[1024] = "", boot[64] = "", pid_space[64] = "";
	const char *start = "";
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, stat_line, sizeof(stat_line) - 1);
		stat_line[got > 0 ? got : 0] = '\0';
		close(fd);
	}
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, boot, 36);
		boot[got > 0 ? got : 0] = '\0';
		close(fd);
	}
	got = readlink("/proc/self/ns/pid", pid_space, sizeof(pid_space) - 1);
	pid_space[got > 0 ? got : 0] = '\0';
	/* Field 22, the start time; the 2nd may hold blanks and ends with the last ')'.
	 */
	start = strrchr(stat_line, ')');
	/* Field 3: one that has ended and was not waited for is dead. */
	if (start && (strncmp(start, ") Z", 3) == 0 || strncmp(start, ") X", 3) == 0))
		start = NULL;
	for (int field = 2; start && field < 22; field++)
		start = strchr(start + 1, ' ');
	snprintf(text, size, "%s %s %d %.*s\n", boot, pid_space, (int)pid,
		 start ? (int)strcspn(start + 1, " ") : 0, start ? start + 1 : "");
}

/* 1: ours now; 0: somebody holds it; -ENOLCK: no locks here. */
static int scratch_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 1;
	return errno == EAGAIN || errno == EACCES ? 0 : -ENOLCK;
}

/* Where it cannot be told the lock alone decides. */
enum maker { MAKER_UNKNOWN, MAKER_LIVES, MAKER_DEAD };

static enum maker scratch_maker(int fd)
{
	char noted[512] = "", now[512];
	char boot[64], space[64];
	int pid;
	ssize_t got = pread(fd, noted, sizeof(noted) - 1, 0);

	noted[got > 0 ? got : 0] = '\0';
	if (sscanf(noted, "%63s %63s %d", boot, space, &pid) != 3)
		return MAKER_UNKNOWN;
	scratch_describe(now, sizeof(now), pid);
	if (strcmp(noted, now) == 0)
		return MAKER_LIVES;
	/* Another boot or pid namespace may be another node: it cannot be judged. */
	scratch_describe(now, sizeof(now), getpid());
	return strncmp(noted, now, strcspn(noted, " ") + 1 + strlen(space)) == 0
		       ? MAKER_DEAD
		       : MAKER_UNKNOWN;
}

static bool scratch_is_dead(int fd, int *ret_lock_fd)
{
	struct stat status;
	int lock_fd = openat(fd, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	enum maker maker;
	int locked;

	if (lock_fd < 0)
		return errno == ENOENT && fstat(fd, &status) == 0 &&
		       llabs((long long)time(NULL) - status.st_mtime) > UNLOCKED_AGE_S;
	locked = scratch_lock(lock_fd);
	maker = scratch_maker(lock_fd);
	/* One that may not lock at all (a filter) may live beside us, who may. */
	if ((locked == 1 && maker != MAKER_LIVES) ||
	    (locked < 0 && maker == MAKER_DEAD)) {
		*ret_lock_fd = lock_fd;
		return true;
	}
	close(lock_fd);
	return false;
}

static void scratch_clean_one(int base_fd, const char *name)
{
	struct stat status;
	int lock_fd = -1;
	int fd;

	fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
	    scratch_is_dead(fd, &lock_fd))
		removal_of_tree(base_fd, name, fd, LOCK);
	if (lock_fd >= 0)
		close(lock_fd);
	close(fd);
}

bool scratch_base_is_open(const char *base)
{
	struct stat status;

	return stat(base, &status) == 0 && (status.st_mode & S_IWOTH) &&
	       !(status.st_mode & S_ISVTX);
}

/* Only where nobody else can give a directory of this user's such a name. */
static void scratch_clean(int base_fd)
{
	struct stat status;
	bool others_rename =
		fstat(base_fd, &status) < 0 ||
		((status.st_mode & (S_IWGRP | S_IWOTH)) && !(status.st_mode & S_ISVTX));
	int copy = others_rename
			   ? -1
			   : openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(directory)))
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
		    strlen(entry->d_name) == strlen(PREFIX) + 6)
			scratch_clean_one(base_fd, entry->d_name);
	closedir(directory);
}

/* Processes of root's job may become other users (run/lending.h): they pass through,
 * and still cannot list. */
static mode_t scratch_mode(void)
{
	return geteuid() == 0 ? 0711 : 0700;
}

static int scratch_make_folder(const struct scratch *scratch, char folder)
{
	const char name[] = {folder, '\0'};

	return (mkdirat(scratch->fd, name, 0700) < 0 && errno != EEXIST) ||
			       fchmodat(scratch->fd, name, scratch_mode(), 0) < 0
		       ? -errno
		       : 0;
}

static int scratch_make_folders(const struct scratch *scratch)
{
	int error = 0;

	for (const char *folder = scratch->folders; *folder && error == 0; folder++)
		error = scratch_make_folder(scratch, *folder);
	return error;
}

static int scratch_fill(struct scratch *scratch)
{
	char maker[512];
	ssize_t wrote;
	int locked;

	scratch->lock_fd =
		openat(scratch->fd, LOCK_NEW,
		       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (scratch->lock_fd < 0)
		return -errno;
	locked = scratch_lock(scratch->lock_fd);
	scratch_describe(maker, sizeof(maker), getpid());
	wrote = write(scratch->lock_fd, maker, strlen(maker));
	/* Who may write to no file (ulimit -f 0) has a lock at least. */
	if (wrote != (ssize_t)strlen(maker) && !(locked == 1 && errno == EFBIG))
		return wrote < 0 ? -errno : -ENOSPC;
	if (renameat(scratch->fd, LOCK_NEW, scratch->fd, LOCK) < 0)
		return -errno;
	return scratch_make_folders(scratch);
}

void scratch_mend(const struct scratch *scratch, char folder)
{
	removal_set_mode(scratch->fd, scratch_mode());
	scratch_make_folders(scratch);
	scratch_make_folder(scratch, folder);
}

void scratch_folder(const struct scratch *scratch, char folder)
{
	const char name[] = {folder, '\0'};
	struct stat st;

	if (fstatat(scratch->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (st.st_mode & 0700) != 0700)
		scratch_mend(scratch, folder);
}

/* Holds the directory that was just made: ours, and with nothing in it. */
static int scratch_hold(struct scratch *scratch)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat status;

	scratch->fd = open(scratch->path, flags);
	if (scratch->fd < 0 || fstat(scratch->fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid() || status.st_nlink > 2)
		return -EPERM;
	scratch->dev = status.st_dev;
	scratch->ino = status.st_ino;
	/* A umask of the user's may have taken bits from mkdtemp's 0700. */
	return removal_set_mode(scratch->fd, scratch_mode());
}

static bool scratch_is_held(const struct scratch *scratch, int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_dev == scratch->dev &&
	       status.st_ino == scratch->ino;
}

void scratch_remove_dead(const char *base)
{
	int base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (base_fd < 0)
		return;
	scratch_clean(base_fd);
	close(base_fd);
}

int scratch_create(const char *base, const char *folders, struct scratch *ret_scratch)
{
	struct scratch *scratch = ret_scratch;
	char canonical[PATH_MAX];
	int base_fd, error, length;

	scratch->fd = scratch->parent_fd = scratch->lock_fd = -1;
	scratch->maker = getpid();
	scratch->folders = folders;
	scratch->path[0] = '\0';
	scratch->dev = scratch->ino = 0;
	if (!realpath(base, canonical))
		return -errno;
	base_fd = open(canonical, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base_fd < 0)
		return -errno;
	scratch_clean(base_fd);
	scratch->parent_fd = base_fd;
	/* In place: another process may have to remove it if this one is killed here.
	 */
	length = snprintf(scratch->path, sizeof(scratch->path), "%s/" PREFIX "XXXXXX",
			  strcmp(canonical, "/") == 0 ? "" : canonical);
	if (length >= (int)sizeof(scratch->path)) {
		scratch->path[0] = '\0';
		return -ENAMETOOLONG;
	}
	if (!mkdtemp(scratch->path)) {
		scratch->path[0] = '\0';
		return -errno;
	}
	error = scratch_hold(scratch);
	if (error == 0)
		error = scratch_fill(scratch);
	if (error < 0)
		scratch_remove(scratch);
	return error;
}

bool scratch_memory(struct run *run)
{
	if (run->memory_base && !run->memory->path[0] &&
	    scratch_create(run->memory_base, SCRATCH_IN_MEMORY, run->memory) < 0)
		run->memory_base = NULL;
	return run->memory_base;
}

void scratch_remove(struct scratch *scratch)
{
	char *name = strrchr(scratch->path, '/');
	bool own = scratch->maker == getpid();
	char parent[PATH_MAX];
	int parent_fd, fd;

	if (!name)
		return;
	snprintf(parent, sizeof(parent), "%.*s/", (int)(name - scratch->path),
		 scratch->path);
	/* By the descriptor: the job may have mounted something over it. */
	parent_fd = own && scratch->parent_fd >= 0
			    ? fcntl(scratch->parent_fd, F_DUPFD_CLOEXEC, 0)
			    : open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = parent_fd < 0 ? -1 : removal_open_directory(parent_fd, name + 1);
	/* The path stays for whoever can remove it, if we cannot. Nothing but what was
	 * held is emptied. */
	if (!scratch->ino && parent_fd >= 0)
		unlinkat(parent_fd, name + 1, AT_REMOVEDIR);
	else if (fd >= 0 && scratch_is_held(scratch, fd) &&
		 removal_of_tree(parent_fd, name + 1, fd, LOCK) == 0)
		scratch->path[0] = '\0';
	if (fd >= 0)
		close(fd);
	if (parent_fd >= 0)
		close(parent_fd);
	if (!own)
		return;
	if (scratch->lock_fd >= 0)
		close(scratch->lock_fd);
	if (scratch->fd >= 0)
		close(scratch->fd);
	if (scratch->parent_fd >= 0)
		close(scratch->parent_fd);
	scratch->fd = scratch->parent_fd = scratch->lock_fd = -1;
}

const char *scratch_own(const struct scratch *scratch, const char *path, char *buffer)
{
	size_t len = strlen(scratch->path);

	if (!len || strncmp(path, scratch->path, len) != 0 ||
	    (path[len] && path[len] != '/'))
		return path;
	snprintf(buffer, SCRATCH_OWN_SIZE, "/proc/self/fd/%d%s", scratch->fd,
		 path + len);
	return buffer;
}
