/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a place is called and numbered. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "run/mounts.h"

int mounts_path(const struct mounts *mounts, const struct place *place, char *buffer,
		size_t size)
{
	struct place at = *place;
	const char *fqrn;
	size_t start = size, fqrn_len;

	if (size < sizeof(PREFIX_REPOSITORIES))
		return -ENAMETOOLONG;
	if (place->kind != PLACE_ENTRY) {
		memcpy(buffer, PREFIX_REPOSITORIES, sizeof(PREFIX_REPOSITORIES));
		return (int)sizeof(PREFIX_REPOSITORIES) - 1;
	}
	buffer[--start] = '\0';
	while (at.entry != 0) {
		struct interpose_entry entry;
		const struct index_map *map =
			mounts_catalog(mounts, at.mount, at.catalog);

		if (!map || index_entry(map, at.entry, &entry) < 0)
			return -EIO;
		if (entry.name_len + 1 > start)
			return -ENAMETOOLONG;
		start -= entry.name_len;
		memcpy(buffer + start, entry.name, entry.name_len);
		buffer[--start] = '/';
		at.entry = entry.parent;
		if (at.entry == 0 && at.catalog != 0)
			at = mounts_mountpoint(mounts, at.mount, at.catalog);
	}
	fqrn = mounts_fqrn(mounts, at.mount);
	fqrn_len = strlen(fqrn);
	if (fqrn_len + strlen(PREFIX_REPOSITORIES "/") > start)
		return -ENAMETOOLONG;
	start -= fqrn_len;
	memcpy(buffer + start, fqrn, fqrn_len);
	start -= strlen(PREFIX_REPOSITORIES "/");
	memcpy(buffer + start, PREFIX_REPOSITORIES "/",
	       strlen(PREFIX_REPOSITORIES "/"));
	memmove(buffer, buffer + start, size - start);
	return (int)(size - start) - 1;
}

uint64_t mounts_device(const struct place *place)
{
	/* Major 0 as every unnamed file system; minors that the kernel gives out from
	 * below and does not reach. */
	return makedev(0,
		       0xf0000 + (place->kind == PLACE_ENTRY ? place->mount + 1 : 0));
}

uint32_t mounts_mount_id(const struct place *place)
{
	/* The kernel gives ids out from 1 and reuses them: no mount of the host has it.
	 */
	return 0x7c000000u + (place->kind == PLACE_ENTRY ? place->mount + 1 : 0);
}

bool mounts_is_root(const struct place *place)
{
	return place->kind == PLACE_TOP ||
	       (place->kind == PLACE_ENTRY && place->catalog == 0 && place->entry == 0);
}
