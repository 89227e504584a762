/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access control lists: whether they let others write what the mode keeps from them. */
#ifndef OWNED_LISTS_H
#define OWNED_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Users whose files are believed. */
struct owners {
	const uint32_t *uids;
	size_t count;
};

bool owners_have(struct owners owners, uint32_t uid);

/* Whether the group's bits of a mode mean the group, or a listed user who is no owner:
 * they are the mask of a POSIX list. One that cannot be read lets others write. */
bool list_of_posix_lets_others_write(int fd, struct owners owners);

/* Whether a list of a file server may let others write, whatever the mode says. One
 * that is not understood may. `dev` is the number of its file system. */
bool list_of_server_lets_others_write(int fd, uint64_t dev);

/* The file system knows no such lists at all: no file of it has one. */
bool list_of_server_is_unknown(int fd);

#endif
