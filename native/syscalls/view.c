/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "path/variant.h"
#include "run/broken.h"
#include "run/mounts.h"
#include "syscalls/preferring.h"

static const struct interpose_mount *record_of(const struct view *view,
					       const struct place *place)
{
	return mounts_record(view->run->mounts, place->mount);
}

static uint32_t shown_mode(const struct view *view, const struct place *place,
			   const struct interpose_entry *entry)
{
	uint32_t mode = entry->mode;

	if (record_of(view, place)->view & INTERPOSE_VIEW_WORLD_READABLE)
		mode |= S_ISDIR(mode) ? 0555 : 0444;
	return mode;
}

static uint32_t mapped(const struct view *view, const struct place *place,
		       struct interpose_span map, uint32_t id, const uint32_t *fallback)
{
	uint32_t len, pair[2];
	const char *bytes = mounts_span(view->run->mounts, place->mount, map, &len);

	for (uint32_t at = 0; bytes && at + sizeof(pair) <= len; at += sizeof(pair)) {
		memcpy(pair, bytes + at, sizeof(pair));
		if (pair[0] == id)
			return pair[1];
	}
	return fallback ? *fallback : id;
}

static void shown_owner(const struct view *view, const struct place *place,
			const struct interpose_entry *entry, uid_t *ret_uid,
			gid_t *ret_gid)
{
	const struct interpose_mount *record = record_of(view, place);
	bool has_uid = record->view & INTERPOSE_VIEW_UID_DEFAULT;
	bool has_gid = record->view & INTERPOSE_VIEW_GID_DEFAULT;

	if (record->view & INTERPOSE_VIEW_CLAIM) {
		*ret_uid = record->uid;
		*ret_gid = record->gid;
		return;
	}
	*ret_uid = mapped(view, place, record->uid_map, entry->uid,
			  has_uid ? &record->uid_default : NULL);
	*ret_gid = mapped(view, place, record->gid_map, entry->gid,
			  has_gid ? &record->gid_default : NULL);
}

uint64_t view_inode(const struct view *view, const struct place *place,
		    const struct interpose_entry *entry)
{
	uint64_t inode = mounts_inode(view->run->mounts, place, entry);

	/* Else stat and readdir of programs without large files are EOVERFLOW: in the C
	 * library, which uses the calls of 64 bits for them too. */
	if (view->tracee->stop.regs.abi == ARCH_I386) {
		inode = (uint32_t)(inode ^ inode >> 32);
		inode = inode ? inode : 1;
	}
	return inode;
}

void view_stat(struct view *view, const struct place *place,
	       const struct interpose_entry *entry, struct stat *ret_stat)
{
	struct stat st = {0};
	char target[4096];
	int len;

	st.st_dev = mounts_device(place);
	st.st_blksize = 4096;
	if (place->kind != PLACE_ENTRY) {
		st.st_ino = 1;
		st.st_mode = S_IFDIR | 0555;
		st.st_nlink = 2 + mounts_count(view->run->mounts);
		st.st_size = 4096;
		st.st_blocks = 1 + st.st_size / 512;
		*ret_stat = st;
		return;
	}
	st.st_ino = view_inode(view, place, entry);
	st.st_mode = shown_mode(view, place, entry);
	st.st_nlink = entry->nlink;
	shown_owner(view, place, entry, &st.st_uid, &st.st_gid);
	st.st_rdev = entry->device;
	st.st_size = (off_t)entry->size;
	if (S_ISLNK(entry->mode)) {
		len = view_target(view, place, entry, target, sizeof(target));
		st.st_size = len < 0 ? (off_t)entry->target_len : len;
	}
	st.st_blocks = 1 + st.st_size / 512; /* as the official client (11.1) */
	st.st_mtim.tv_sec = entry->mtime;
	st.st_mtim.tv_nsec = entry->mtime_ns;
	st.st_atim = st.st_ctim = st.st_mtim;
	*ret_stat = st;
}

int view_protection(const char *of)
{
	char path[64], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", of);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	return atoi(text);
}

struct owned view_owned(const struct view *view, const struct place *place,
			const struct interpose_entry *entry)
{
	struct owned owned = {.mode = shown_mode(view, place, entry)};

	shown_owner(view, place, entry, &owned.uid, &owned.gid);
	return owned;
}

int view_access(struct view *view, const struct place *place,
		const struct interpose_entry *entry, int mask)
{
	struct owned owned;

	/* sb_permission() comes first: a read-only file system, but for special files.
	 */
	if (mask & W_OK) {
		mode_t mode = entry ? entry->mode : S_IFDIR;

		if (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode))
			return EROFS;
	}
	if (!entry ||
	    !(record_of(view, place)->view & INTERPOSE_VIEW_CHECK_PERMISSIONS))
		return 0;
	owned = view_owned(view, place, entry);
	return credentials_permit(view->run, view->tracee, view->whose, &owned,
				  (uint32_t)mask)
		       ? 0
		       : EACCES;
}

/* ---- the world of a walk ---- */

static const char *variable(const char *list, size_t size, const char *name, size_t len,
			    size_t *ret_len)
{
	const char *end = list + size;

	while (list && list < end) {
		size_t item = strnlen(list, (size_t)(end - list));

		if (item > len && list[len] == '=' && memcmp(list, name, len) == 0) {
			*ret_len = item - len - 1;
			return list + len + 1;
		}
		list += item + 1;
	}
	return NULL;
}

struct variables {
	struct view *view;
	uint32_t mount;
};

static const char *variable_value(void *context, const char *name, size_t len,
				  size_t *ret_len)
{
	const struct variables *all = context;
	const struct run *run = all->view->run;
	const struct interpose_mount *record = mounts_record(run->mounts, all->mount);
	uint32_t size;
	const char *list =
		mounts_span(run->mounts, all->mount, record->variables, &size);
	const char *found = variable(list, size, name, len, ret_len);

	for (size_t i = 0; !found && run->environment && run->environment[i]; i++)
		found = variable(run->environment[i], strlen(run->environment[i]) + 1,
				 name, len, ret_len);
	return found;
}

int view_target(struct view *view, const struct place *place,
		const struct interpose_entry *entry, char *buffer, size_t size)
{
	struct variables all = {view, place->mount};

	if (entry->flags & INTERPOSE_ENTRY_VARIANT)
		return variant_expand(entry->target, entry->target_len, variable_value,
				      &all, buffer, size);
	if (entry->target_len > size)
		return -ENAMETOOLONG;
	memcpy(buffer, entry->target, entry->target_len);
	return (int)entry->target_len;
}

static bool world_is_called(void *context, const struct place *place, const char *path)
{
	const struct view *view = context;
	char name[4096];

	return mounts_path(view->run->mounts, place, name, sizeof(name)) >= 0 &&
	       strcmp(name + strlen(PREFIX_REPOSITORIES), path) == 0;
}

static enum walk_answer world_mount(void *context, const char *name, size_t len,
				    uint32_t *ret_mount)
{
	struct view *view = context;
	enum walk_answer answer = WALK_NO;

	if (view->run->prefer_host)
		answer = preferring_asks(view, name, len);
	if (answer != WALK_NO)
		return answer;
	return mounts_find(view->run, name, len, ret_mount, &view->question);
}

static const struct index_map *world_catalog(void *context, uint32_t mount,
					     uint32_t catalog)
{
	struct view *view = context;

	return mounts_catalog(view->run->mounts, mount, catalog);
}

static enum walk_answer world_nested(void *context, const struct place *mountpoint,
				     uint32_t *ret_catalog)
{
	struct view *view = context;

	return mounts_nested(view->run, mountpoint, ret_catalog, &view->question);
}

static struct place world_mountpoint(void *context, uint32_t mount, uint32_t catalog)
{
	struct view *view = context;

	return mounts_mountpoint(view->run->mounts, mount, catalog);
}

static bool world_may_search(void *context, const struct place *directory,
			     const struct interpose_entry *entry)
{
	return view_access(context, directory, entry, X_OK) == 0;
}

/* may_follow_link(): a link of somebody else's in a directory that all may write. */
static bool world_may_follow(void *context, const struct place *directory,
			     const struct interpose_entry *directory_entry,
			     const struct place *link,
			     const struct interpose_entry *entry)
{
	struct view *view = context;
	struct owned around, owned;

	if ((directory_entry->mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
		return true;
	around = view_owned(view, directory, directory_entry);
	owned = view_owned(view, link, entry);
	return around.uid == owned.uid ||
	       credentials_of(view->run, view->tracee)->fsuid == owned.uid ||
	       view_protection("symlinks") == 0;
}

static int world_target(void *context, const struct place *link,
			const struct interpose_entry *entry, char *buffer, size_t size)
{
	return view_target(context, link, entry, buffer, size);
}

void view_tell_damage(const struct view *view, const struct walk *walk)
{
	const struct run *run = view->run;

	if (walk->damaged && walk->error == EIO)
		broken_tell(view->run, BROKEN_INDEX,
			    walk->at.kind == PLACE_ENTRY
				    ? mounts_fqrn(run->mounts, walk->at.mount)
				    : PREFIX_REPOSITORIES,
			    0);
}

struct walk_world view_world(struct view *view)
{
	return (struct walk_world){
		.context = view,
		.prefixes = &view->run->prefixes,
		.is_called = world_is_called,
		.mount = world_mount,
		.catalog = world_catalog,
		.nested = world_nested,
		.mountpoint = world_mountpoint,
		.may_search = world_may_search,
		.may_follow = world_may_follow,
		.target = world_target,
	};
}
