/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include <stdbool.h>

#include "bundle/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/manifest.h"
#include "interpose.h"

enum { COPY_BLOCK = 256 * 1024 };

static int make_parents(int directory, const char *name)
{
	char path[PATH_MAX];

	for (const char *slash = strchr(name, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		size_t length = (size_t)(slash - name);

		if (length >= sizeof(path))
			return -ENAMETOOLONG;
		memcpy(path, name, length);
		path[length] = '\0';
		if (mkdirat(directory, path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t wrote = write(fd, bytes, size);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return wrote < 0 ? -errno : -ENOSPC;
		bytes += wrote;
		size -= (size_t)wrote;
	}
	return 0;
}

static int seal_file(int fd, bool is_program)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	struct stat st;

	if (fchmod(fd, is_program ? 0555 : 0444) < 0 || fstat(fd, &st) < 0)
		return -errno;
	times[1].tv_sec = st.st_mtim.tv_sec;
	times[1].tv_nsec = interpose_seal(st.st_mtim.tv_sec, (uint64_t)st.st_size);
	return futimens(fd, times) < 0 ? -errno : 0;
}

static int create_file(int directory, const char *name)
{
	int error = make_parents(directory, name);
	int fd = error < 0
			 ? error
			 : openat(directory, name,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				  0600);

	return fd < 0 && error == 0 ? -errno : fd;
}

static int unpack_file(struct packed *packed, int directory,
		       const struct manifest_entry *entry, char *buffer)
{
	int fd = create_file(directory, entry->name);
	uint64_t left = entry->size;
	int error = fd < 0 ? fd : 0;

	while (error == 0 && left > 0) {
		size_t size = left < COPY_BLOCK ? (size_t)left : COPY_BLOCK;

		error = packed_read(packed, buffer, size);
		if (error == 0)
			error = write_all(fd, buffer, size);
		left -= size;
	}
	if (error == 0)
		error = seal_file(fd, entry->is_program);
	/* Some file systems tell only now that the disk is full. */
	if (fd >= 0 && close(fd) < 0 && error == 0)
		error = -errno;
	return error;
}

static int write_manifest(int directory, const char *text, size_t size)
{
	int fd = create_file(directory, MANIFEST_NAME);
	int error = fd < 0 ? fd : write_all(fd, text, size);

	if (error == 0)
		error = seal_file(fd, false);
	if (fd >= 0 && close(fd) < 0 && error == 0)
		error = -errno;
	return error;
}

int unpack_into(struct packed *packed, int directory)
{
	size_t size = (size_t)packed->manifest_size;
	char *text = packed->manifest_size > MANIFEST_MAX ? NULL : malloc(size + 1);
	char *buffer = malloc(COPY_BLOCK);
	struct manifest_entry entry;
	char *next = text;
	int error = text && buffer ? 0 : -ENOMEM;
	int more = 1;

	if (error == 0)
		error = packed_read(packed, text, size);
	if (error == 0) {
		text[size] = '\0';
		error = write_manifest(directory, text, size);
	}
	while (error == 0 && (more = manifest_next(&next, &entry)) == 1)
		error = unpack_file(packed, directory, &entry, buffer);
	if (error == 0 && more < 0)
		error = more;
	if (error == 0)
		error = packed_finish(packed);
	free(buffer);
	free(text);
	return error;
}
