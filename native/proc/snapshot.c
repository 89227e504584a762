/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "find/look.h"
#include "find/seen.h"
#include "proc/kerneltext.h"
#include "proc/maps.h"
#include "proc/proctext.h"
#include "run/clock.h"
#include "run/mounts.h"

enum { TEXT_MAX = 32 << 20, READ_MAX_MS = 1000 };

static bool read_text(int pid, const char *name, struct proctext *text)
{
	/* All others of the job wait for us meanwhile. */
	const struct kerneltext_bounds bounds = {
		.len = TEXT_MAX, .until_ns = clock_now_ns() + READ_MAX_MS * 1000000LL};

	return kerneltext_read(pid, name, &bounds, text);
}

/* ---- mounts ---- */

typedef int (*line_adder)(struct proctext *out, const struct proctext_mount *mount);

static bool any_open(const struct mounts *mounts)
{
	for (uint32_t i = 0; i < mounts_count(mounts); i++)
		if (mounts_record(mounts, i))
			return true;
	return false;
}

static bool make_mounts(struct run *run, int pid, const char *name,
			struct proctext *out)
{
	const struct mounts *mounts = run->mounts;
	struct place place = {.kind = PLACE_TOP};
	struct proctext_mount top = {.path = PREFIX_REPOSITORIES,
				     .dev = mounts_device(&place),
				     .id = mounts_mount_id(&place)};
	line_adder add = proctext_mounts_line;

	if (strcmp(name, "mountinfo") == 0)
		add = proctext_mountinfo_line;
	else if (strcmp(name, "mountstats") == 0)
		add = proctext_mountstats_line;
	/* Nothing to show yet: the kernel's own file. */
	if (!any_open(mounts) || !read_text(pid, name, out))
		return false;
	top.parent = proctext_root_mount(out);
	if (add(out, &top) < 0)
		return false;
	for (uint32_t i = 0; i < mounts_count(mounts); i++) {
		const struct interpose_mount *record = mounts_record(mounts, i);
		char path[PROCTEXT_PATH_SIZE];
		struct proctext_mount mount = {.path = path, .parent = top.id};

		if (!record)
			continue;
		place = (struct place){.kind = PLACE_ENTRY, .mount = i};
		snprintf(path, sizeof(path), PREFIX_REPOSITORIES "/%s",
			 mounts_fqrn(mounts, i));
		mount.dev = mounts_device(&place);
		mount.id = mounts_mount_id(&place);
		mount.default_permissions =
			record->view & INTERPOSE_VIEW_CHECK_PERMISSIONS;
		if (add(out, &mount) < 0)
			return false;
	}
	return true;
}

/* ---- descriptors ---- */

/* `name`: "fdinfo/FD". Mount and inode as statx of the descriptor has them. */
static bool make_fdinfo(struct target *target, int pid, const char *name,
			struct proctext *out)
{
	struct run *run = target->call.run;
	int fd = atoi(strchr(name, '/') + 1);
	struct interpose_entry entry = {0};
	struct proctext text = {0};
	const struct index_map *map;
	const struct node *node;
	struct place place;
	struct stat st;
	char link[64];
	int changed = -1;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, fd);
	node = look_node(run, AT_FDCWD, link, AT_NO_AUTOMOUNT, &st);
	if (!node)
		return false;
	place = node->place;
	if (place.kind == PLACE_ENTRY) {
		map = mounts_catalog(run->mounts, place.mount, place.catalog);
		if (!map || index_entry(map, place.entry, &entry) < 0)
			return false;
	}
	seen_stat(&target->call, &place, &entry, &st);
	if (read_text(pid, name, &text))
		changed =
			proctext_fdinfo(out, &text, mounts_mount_id(&place), st.st_ino);
	proctext_deinit(&text);
	return changed > 0;
}

int snapshot_make(struct target *target, struct proctext *ret_text)
{
	struct run *run = target->call.run;
	const char *name = strchr(target->proc_file, '/');
	int pid = atoi(target->proc_file);

	if (!name++)
		return 0;
	if (strncmp(name, "fdinfo/", strlen("fdinfo/")) == 0)
		return make_fdinfo(target, pid, name, ret_text);
	if (strstr(name, "maps"))
		return maps_make(&target->call, pid, name, ret_text);
	return make_mounts(run, pid, name, ret_text);
}
