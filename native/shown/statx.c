/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "shown/statx.h"

#include <sys/sysmacros.h>

static struct statx_timestamp timestamp(struct timespec time)
{
	return (struct statx_timestamp){.tv_sec = time.tv_sec,
					.tv_nsec = (uint32_t)time.tv_nsec};
}

#ifdef STATX_MNT_ID
enum { MNT_ID_UNIQUE = 0x4000 }; /* STATX_MNT_ID_UNIQUE, Linux 6.8 */

/* vfs_statx_path() tells it, asked or not. */
static void fill_mount(const struct shown_mount_point *mount, uint32_t mask,
		       struct statx *stx)
{
	const uint64_t never_of_the_kernel = UINT64_C(0x70) << 56;

	stx->stx_mnt_id = mount->id;
	if (mount->known & mask & MNT_ID_UNIQUE) {
		stx->stx_mask |= MNT_ID_UNIQUE;
		stx->stx_mnt_id |= never_of_the_kernel;
	} else if (mount->known) {
		stx->stx_mask |= STATX_MNT_ID;
	}
}
#endif

void shown_statx(const struct stat *st, const struct shown_mount_point *mount,
		 uint32_t mask, struct statx *ret_statx)
{
	struct statx stx = {.stx_mask = STATX_BASIC_STATS,
			    .stx_blksize = (uint32_t)st->st_blksize,
			    .stx_nlink = (uint32_t)st->st_nlink,
			    .stx_uid = st->st_uid,
			    .stx_gid = st->st_gid,
			    .stx_mode = (uint16_t)st->st_mode,
			    .stx_ino = st->st_ino,
			    .stx_size = (uint64_t)st->st_size,
			    .stx_blocks = (uint64_t)st->st_blocks,
			    .stx_atime = timestamp(st->st_atim),
			    .stx_mtime = timestamp(st->st_mtim),
			    .stx_ctime = timestamp(st->st_ctim),
			    .stx_rdev_major = major(st->st_rdev),
			    .stx_rdev_minor = minor(st->st_rdev),
			    .stx_dev_major = major(st->st_dev),
			    .stx_dev_minor = minor(st->st_dev)};

#ifdef STATX_ATTR_MOUNT_ROOT
	stx.stx_attributes_mask =
		STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX;
	if (mount->is_root)
		stx.stx_attributes = STATX_ATTR_MOUNT_ROOT;
#endif
#ifdef STATX_MNT_ID
	fill_mount(mount, mask, &stx);
#else
	(void)mask;
	(void)mount;
#endif
	*ret_statx = stx;
}
