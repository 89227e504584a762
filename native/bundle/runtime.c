/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include <stdbool.h>

#include "bundle/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "bundle/manifest.h"
#include "bundle/unpack.h"
#include "cleanup.h"
#include "owned/owned.h"
#include "owned/seal.h"
#include "run/removal.h"

#define FOLDER "runtime"
#define FRESH "new-"
#define LOCK "lock"

/* One that is in use is touched once a day; each job that needs a Python looks. */
enum { DAY_S = 24 * 3600, UNUSED_S = 30 * DAY_S, LOCK_PATIENCE_MS = 30000 };

static int open_below(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_as_written(int directory, const char *name, uint64_t size)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH)) && (uint64_t)st.st_size == size &&
	       seal_holds(&st);
}

/* The manifest of what is unpacked; NULL: damaged. To be freed. */
static char *read_manifest(int directory, size_t size)
{
	_cleanup_close_ int fd =
		openat(directory, MANIFEST_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(size + 1);
	bool is_whole = text && is_as_written(directory, MANIFEST_NAME, size) &&
			read(fd, text, size) == (ssize_t)size;

	if (!is_whole) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

/* Every file is there, has its size and was not written since (owned/seal.h). */
static bool runtime_is_whole(const struct packed *packed, int directory)
{
	_cleanup_free_ char *text =
		packed->manifest_size > MANIFEST_MAX
			? NULL
			: read_manifest(directory, (size_t)packed->manifest_size);
	struct manifest_entry entry;
	char *next = text;
	int more = text ? 1 : -EBADMSG;

	while (more == 1 && (more = manifest_next(&next, &entry)) == 1)
		if (!is_as_written(directory, entry.name, entry.size))
			more = -EBADMSG;
	return more == 0;
}

static void touch_used(int directory)
{
	struct stat st;

	if (fstat(directory, &st) == 0 &&
	    llabs((long long)time(NULL) - st.st_mtime) > DAY_S)
		futimens(directory, NULL);
}

/* 1: whole; 0: it has to be made; -errno. */
static int runtime_look(const struct packed *packed, int folder)
{
	_cleanup_close_ int directory = open_below(folder, packed->key);
	int found;

	if (directory < 0)
		return directory == -ENOENT || directory == -ENOTDIR ||
				       directory == -ELOOP
			       ? 0
			       : directory;
	found = runtime_is_whole(packed, directory);
	if (found)
		touch_used(directory);
	return found;
}

static void remove_tree(int folder, const char *name)
{
	int directory = removal_open_directory(folder, name);

	if (directory < 0) {
		unlinkat(folder, name, 0);
		return;
	}
	removal_of_tree(folder, name, directory, MANIFEST_NAME);
	close(directory);
}

/* Other versions that nobody has used for long, and what a killed job began. */
static void runtime_sweep(int folder, const char *own_key)
{
	int copy = open_below(folder, ".");
	DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct stat st;

	if (!listing) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(listing))) {
		const char *name = entry->d_name;
		bool is_fresh = strncmp(name, FRESH, strlen(FRESH)) == 0;

		if ((!is_fresh && strlen(name) != PACKED_KEY_SIZE - 1) ||
		    strcmp(name, own_key) == 0 ||
		    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (time(NULL) - st.st_mtime > (is_fresh ? DAY_S : UNUSED_S))
			remove_tree(folder, name);
	}
	closedir(listing);
}

/* Held by who unpacks, so that the others wait for what he makes. -1: nobody else does,
 * as far as is known; two that unpack cost time and no more. */
static int runtime_lock(int folder)
{
	const struct timespec step = {.tv_nsec = 5 * 1000000};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = openat(folder, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	for (int waited = 0; fd >= 0 && waited < LOCK_PATIENCE_MS; waited += 5) {
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0 ||
		    (errno != EAGAIN && errno != EACCES))
			return fd;
		nanosleep(&step, NULL);
	}
	return fd;
}

/* Unpacks beside it and renames: it is there as a whole, or not at all. */
static int runtime_make(const struct packed *packed, int folder, const char *path)
{
	char fresh[RUNTIME_PATH_SIZE];
	struct packed *again = malloc(sizeof(*again));
	const char *name = fresh + strlen(path) + 1;
	int directory = -1;
	int error = again ? packed_open(again) : -ENOMEM;

	if (error < 0) {
		free(again);
		return error;
	}
	snprintf(fresh, sizeof(fresh), "%s/" FRESH "XXXXXX", path);
	if (!mkdtemp(fresh) || (directory = open_below(folder, name)) < 0)
		error = directory < -1 ? directory : -errno;
	if (error == 0)
		error = unpack_into(again, directory);
	if (error == 0 && renameat(folder, name, folder, packed->key) < 0) {
		/* Another one was faster, or what is there is damaged. */
		if (runtime_look(packed, folder) != 1) {
			remove_tree(folder, packed->key);
			if (renameat(folder, name, folder, packed->key) < 0)
				error = -errno;
		}
	}
	if (directory >= 0) {
		close(directory);
		remove_tree(folder, name);
	}
	packed_close(again);
	free(again);
	return error;
}

static int make_chain(const char *path)
{
	char part[RUNTIME_PATH_SIZE];

	for (const char *slash = strchr(path + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0700) < 0 && errno != EEXIST && access(part, F_OK) < 0)
			return -errno;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* The directory of all versions, open; or a negative errno. */
static int folder_open(const char *path, bool is_shared)
{
	char where[PATH_MAX];
	struct statvfs fs;
	int folder;

	if (access(path, F_OK) < 0) {
		int error = make_chain(path);

		if (error < 0)
			return error;
	}
	if (is_shared && owned_check(path, where, sizeof(where)) != INTERPOSE_OWNED)
		return -EPERM;
	folder = open_below(AT_FDCWD, path);
	if (folder >= 0 && fstatvfs(folder, &fs) == 0 && (fs.f_flag & ST_NOEXEC)) {
		close(folder);
		return -EACCES;
	}
	return folder;
}

int runtime_find(const struct packed *packed, const char *base, bool is_shared,
		 char ret_path[RUNTIME_PATH_SIZE])
{
	char path[RUNTIME_PATH_SIZE - PACKED_KEY_SIZE - 1];
	int folder, lock_fd, found;

	/* The loader takes a list of directories, and variables in them. */
	if (base[0] != '/' || strpbrk(base, ":;$") || strlen(base) >= PATH_MAX - 64)
		return -EINVAL;
	snprintf(path, sizeof(path), "%s/" FOLDER, base);
	folder = folder_open(path, is_shared);
	if (folder < 0)
		return folder;
	found = runtime_look(packed, folder);
	if (found == 0) {
		lock_fd = runtime_lock(folder);
		found = runtime_look(packed, folder);
		if (found == 0)
			found = runtime_make(packed, folder, path);
		if (lock_fd >= 0)
			close(lock_fd);
	}
	if (found >= 0)
		runtime_sweep(folder, packed->key);
	close(folder);
	snprintf(ret_path, RUNTIME_PATH_SIZE, "%s/%s", path, packed->key);
	return found < 0 ? found : 0;
}
