/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owned/lists.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>

#include "owned/types.h"

enum {
	LIST_SIZE = 1 << 16, /* the kernel's own limit of a value */
	/* linux/posix_acl_xattr.h, linux/posix_acl.h */
	POSIX_VERSION = 2,
	POSIX_USER = 2,
	POSIX_GROUP_OBJ = 4,
	POSIX_GROUP = 8,
	POSIX_OTHER = 32,
	POSIX_WRITE = 2,
	/* RFC 7530, 6.2.1 */
	NFS_ALLOW = 0,
	NFS_INHERIT_ONLY = 0x8,
	/* Write or append (add to a directory), remove from one, change the list or
	 * the owner. */
	NFS_WRITE = 0x2 | 0x4 | 0x40 | 0x40000 | 0x80000,
	REMEMBERED = 8
};

#ifndef LISTS_REMEMBERED_SECONDS
#define LISTS_REMEMBERED_SECONDS 10
#endif

#define NFS_LIST "system.nfs4_acl"

/* Lists that nothing here reads. */
static const char *const other_lists[] = {"system.richacl", "system.cifs_acl",
					  "system.ntfs_acl", "afs.acl"};

bool owners_have(struct owners owners, uint32_t uid)
{
	for (size_t i = 0; i < owners.count; i++)
		if (owners.uids[i] == uid)
			return true;
	return false;
}

/* The size of the value; 0 also for an empty one; -1: there is none; -2: it cannot be
 * told. By the descriptor's name in /proc, because one of O_PATH gives no attributes.
 */
static ssize_t read_list(int fd, const char *name, void *buffer, size_t size)
{
	char path[40];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = getxattr(path, name, buffer, size);
	if (len >= 0)
		return len;
	return errno == ENODATA || errno == ENOTSUP ? -1 : -2;
}

bool list_of_posix_lets_others_write(int fd, struct owners owners)
{
	struct {
		uint16_t tag, permissions;
		uint32_t id;
	} entry;
	unsigned char list[LIST_SIZE];
	ssize_t len = read_list(fd, "system.posix_acl_access", list, sizeof(list));
	uint32_t version;

	/* Without a list the group's bit is the group's. */
	if (len < (ssize_t)sizeof(version))
		return true;
	memcpy(&version, list, sizeof(version));
	if (version != POSIX_VERSION)
		return true;
	for (size_t at = sizeof(version); at + sizeof(entry) <= (size_t)len;
	     at += sizeof(entry)) {
		memcpy(&entry, list + at, sizeof(entry));
		if (!(entry.permissions & POSIX_WRITE))
			continue;
		if (entry.tag == POSIX_GROUP_OBJ || entry.tag == POSIX_GROUP ||
		    entry.tag == POSIX_OTHER)
			return true;
		if (entry.tag == POSIX_USER && !owners_have(owners, entry.id))
			return true;
	}
	return false;
}

static uint32_t number_at(const unsigned char *list)
{
	return (uint32_t)list[0] << 24 | (uint32_t)list[1] << 16 |
	       (uint32_t)list[2] << 8 | list[3];
}

/* A count, and entries (type, flags, permissions, length of the name, the name) whose
 * names are padded to four bytes. */
static bool nfs_lets_others_write(const unsigned char *list, size_t size)
{
	size_t at = 4;

	if (size < at)
		return true;
	for (uint32_t left = number_at(list); left > 0; left--) {
		const unsigned char *entry = list + at;
		uint32_t type, flags, permissions, len;

		if (size - at < 16)
			return true;
		type = number_at(entry);
		flags = number_at(entry + 4);
		permissions = number_at(entry + 8);
		len = number_at(entry + 12);
		if (len > size - at - 16 || ((len + 3) & ~3u) > size - at - 16)
			return true;
		at += 16 + ((len + 3) & ~3u);
		if (type != NFS_ALLOW || flags & NFS_INHERIT_ONLY)
			continue;
		if (len == strlen("OWNER@") && memcmp(entry + 16, "OWNER@", len) == 0)
			continue;
		if (permissions & NFS_WRITE)
			return true;
	}
	return false;
}

static bool is_unknown(int fd, const char *name)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, name, NULL, 0) < 0 && errno == ENOTSUP;
}

bool list_of_server_is_unknown(int fd)
{
	if (type_has_no_other_lists(fd))
		return true;
	for (size_t i = 0; i < sizeof(other_lists) / sizeof(*other_lists); i++)
		if (!is_unknown(fd, other_lists[i]))
			return false;
	return is_unknown(fd, NFS_LIST);
}

/* File systems that know no such lists. To ask them for each file is to ask a server,
 * as a rule; after a moment another one may have the number. */
static _Thread_local struct {
	uint64_t dev;
	int64_t until;
} without_lists[REMEMBERED];

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static bool is_without_lists(int fd, uint64_t dev)
{
	const size_t at = dev % REMEMBERED;
	const int64_t now = seconds_now();

	if (without_lists[at].dev == dev && now < without_lists[at].until)
		return true;
	if (!list_of_server_is_unknown(fd))
		return false;
	without_lists[at].dev = dev;
	without_lists[at].until = now + LISTS_REMEMBERED_SECONDS;
	return true;
}

bool list_of_server_lets_others_write(int fd, uint64_t dev)
{
	unsigned char list[LIST_SIZE];
	ssize_t len;

	if (is_without_lists(fd, dev))
		return false;
	for (size_t i = 0; i < sizeof(other_lists) / sizeof(*other_lists); i++)
		if (read_list(fd, other_lists[i], NULL, 0) != -1)
			return true;
	len = read_list(fd, NFS_LIST, list, sizeof(list));
	return len == -2 || (len >= 0 && nfs_lets_others_write(list, (size_t)len));
}
