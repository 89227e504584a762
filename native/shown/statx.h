/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct statx as vfs_getattr_nosec() and cp_statx() of Linux' fs/stat.c fill it. */
#ifndef SHOWN_STATX_H
#define SHOWN_STATX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct statx;

/* The mount that a file is of. */
struct shown_mount_point {
	uint64_t id;
	bool is_root;	/* the file is where it is mounted */
	uint32_t known; /* kernel_mount_numbers() */
};

void shown_statx(const struct stat *st, const struct shown_mount_point *mount,
		 uint32_t mask, struct statx *ret_statx);

#endif
