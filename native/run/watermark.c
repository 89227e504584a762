/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Catalogs beyond CVMFS_CATALOG_WATERMARK are let go: they keep their slots, and are
 * mapped again when somebody looks at them (mounts_catalog). */
#include <string.h>

#include "index/mapping.h"
#include "run/mounttable.h"

/* Whether `above` is the root of all, `path`, or a directory on its way. */
static bool is_on_the_way(const char *above, const char *path)
{
	size_t len = strlen(above);

	return strncmp(above, path, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

static void trim(struct mount *mount)
{
	const char *newest = mount->catalogs[mount->newest].prefix;

	for (uint32_t i = 0; i < mount->catalog_count; i++) {
		struct catalog *catalog = &mount->catalogs[i];

		if (catalog->state != SLOT_OPEN ||
		    is_on_the_way(catalog->prefix, newest))
			continue;
		catalogs_close(mount, catalog);
		catalog->is_detached = true;
	}
}

void mounts_trim(struct mounts *mounts)
{
	for (uint32_t i = 0; i < mounts->count; i++) {
		struct mount *mount = &mounts->mounts[i];

		if (!mount->has_grown)
			continue;
		mount->has_grown = false;
		if (mount->record && mount->record->catalog_watermark &&
		    mount->open_count >= mount->record->catalog_watermark)
			trim(mount);
	}
}
