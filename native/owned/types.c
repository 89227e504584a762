/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owned/types.h"

#include <linux/magic.h>
#include <stddef.h>
#include <sys/statfs.h>

static const unsigned long plain_types[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
					    BTRFS_SUPER_MAGIC, TMPFS_MAGIC};

static unsigned long type_of(int fd)
{
	struct statfs found;

	return fstatfs(fd, &found) == 0 ? (unsigned long)found.f_type : 0;
}

static bool is_plain(unsigned long type)
{
	for (size_t i = 0; i < sizeof(plain_types) / sizeof(*plain_types); i++)
		if (type == plain_types[i])
			return true;
	return false;
}

bool type_has_no_other_lists(int fd)
{
	return is_plain(type_of(fd));
}

bool type_is_of_this_node(int fd)
{
	unsigned long type = type_of(fd);

	/* An overlay's lower layer may be a server's, with its lists. */
	return is_plain(type) || type == OVERLAYFS_SUPER_MAGIC;
}
