/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/alien.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "owned/lists.h"
#include "run/mounts.h"

/* Below the private cache (docs/cache.md). */
#define DISPROOFS "interpose/proofs-failed"

enum { FOLDER_LEN = 2 };

static bool copy_span(const struct run *run, uint32_t mount, struct interpose_span span,
		      char *to, size_t size)
{
	uint32_t len;
	const char *text = mounts_span(run->mounts, mount, span, &len);

	if (!text || len == 0 || len >= size)
		return false;
	memcpy(to, text, len);
	to[len] = '\0';
	return true;
}

static bool fill(const struct run *run, struct alien_look *look)
{
	const struct interpose_mount *record = mounts_record(run->mounts, look->mount);
	char private[ALIEN_PATH];
	uint32_t size;
	const char *owners =
		mounts_span(run->mounts, look->mount, record->owners, &size);

	if (!copy_span(run, look->mount, record->alien_dir, look->top,
		       sizeof(look->top)) ||
	    !copy_span(run, look->mount, record->cache_dir, private, sizeof(private)) ||
	    !owners || size > sizeof(look->owners))
		return false;
	memcpy(look->owners, owners, size);
	look->owner_count = size / sizeof(*look->owners);
	objectname_write(&look->entry, look->name);
	snprintf(look->disproof, sizeof(look->disproof), "%s/" DISPROOFS "/%s", private,
		 look->name);
	return true;
}

struct alien_look *alien_look_create(const struct run *run, uint32_t mount,
				     const struct interpose_entry *entry)
{
	const struct interpose_mount *record = mounts_record(run->mounts, mount);
	struct alien_look *look;

	/* Raw objects share their names with packed ones there, and what consists of
	 * chunks is put together in the private cache. */
	if (record->alien_dir.length == 0 ||
	    objectname_kind(entry) != OBJECTNAME_PACKED ||
	    entry->flags & INTERPOSE_ENTRY_EXTERNAL)
		return NULL;
	look = calloc(1, sizeof(*look));
	if (!look)
		return NULL;
	memcpy(look->digest, entry->digest, sizeof(look->digest));
	look->entry = (struct interpose_entry){.size = entry->size,
					       .flags = entry->flags,
					       .algorithm = entry->algorithm,
					       .digest = look->digest};
	look->mount = mount;
	if (fill(run, look))
		return look;
	free(look);
	return NULL;
}

/* The directory that the object is in. */
static int look_at_folder(struct alien_look *look)
{
	const char folder[FOLDER_LEN + 1] = {look->name[0], look->name[1]};
	_cleanup_close_ int fd = -1;
	char link[64];
	struct stat st;
	int is_guarded = 0;
	ssize_t len;

	fd = interpose_walk_to(look->top, folder, look->owners, look->owner_count,
			       &is_guarded);
	if (fd < 0)
		return fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, look->known_as, sizeof(look->known_as));
	if (len <= FOLDER_LEN + 1 || len == sizeof(look->known_as) ||
	    fstat(fd, &st) < 0)
		return -ENOENT;
	look->known_as[len - FOLDER_LEN - 1] = '\0';
	look->dev = st.st_dev;
	look->has_lists = !list_of_server_is_unknown(fd);
	look->folder_is_guarded = is_guarded;
	return is_guarded ? 0 : -EACCES;
}

/* Can everybody who reads it execute it, and is it no program of another user's
 * rights? */
static bool is_executable(int fd, const struct stat *st)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return st->st_mode & 0111 && !(st->st_mode & 07000) &&
	       faccessat(AT_FDCWD, link, R_OK | X_OK, AT_EACCESS) == 0;
}

/* What begins like packed content may be the raw object of the same name. */
static bool may_be_raw(int fd)
{
	uint8_t head[OBJECTNAME_HEAD];
	const ssize_t len = pread(fd, head, sizeof(head), 0);

	return len < 0 || interpose_may_be_stream(head, (size_t)len);
}

int alien_look_do(void *argument, const atomic_bool *over)
{
	struct alien_look *look = argument;
	char path[ALIEN_PATH + OBJECTNAME_SIZE + 1];
	_cleanup_close_ int fd = -1;
	int error = look->knows_folder ? 0 : look_at_folder(look);

	(void)over;
	if (error < 0)
		return error;
	snprintf(path, sizeof(path), "%s/%s", look->top, look->name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &look->st) < 0)
		return -errno;
	if (!S_ISREG(look->st.st_mode) ||
	    (uint64_t)look->st.st_size != look->entry.size ||
	    !interpose_alone_write(fd, look->owners, look->owner_count) ||
	    !is_executable(fd, &look->st) || may_be_raw(fd) ||
	    faccessat(AT_FDCWD, look->disproof, F_OK, AT_EACCESS) == 0)
		return -EACCES;
	return 0;
}

bool alien_suits_stubs(const struct alien_look *look)
{
	return !look->knows_folder && look->folder_is_guarded && !look->has_lists;
}
