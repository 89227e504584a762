/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "path/variant.h"
#include "run/mounts.h"

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

/* The line NAME of /proc/PID/status; false if it is missing. */
static void parse_status(struct process *process, FILE *status)
{
	char line[4096];

	while (fgets(line, sizeof(line), status)) {
		unsigned int id, real;
		char *at;

		if (sscanf(line, "Uid: %u %*u %*u %u", &real, &id) == 2) {
			process->real_uid = real;
			process->fsuid = id;
		}
		if (sscanf(line, "Gid: %u %*u %*u %u", &real, &id) == 2) {
			process->real_gid = real;
			process->fsgid = id;
		}
		if (strncmp(line, "Groups:", 7) != 0)
			continue;
		for (at = line + 7; sscanf(at, " %u", &id) == 1;) {
			gid_t *more = realloc(
				process->groups,
				sizeof(gid_t) * (size_t)(process->group_count + 1));

			if (!more)
				break;
			process->groups = more;
			more[process->group_count++] = id;
			at += strspn(at, " \t");
			at += strcspn(at, " \t\n");
		}
		return;
	}
}

void view_credentials(struct view *view)
{
	struct process *process = view->tracee->process;
	char path[40];
	FILE *status;

	if (process->credentials_known)
		return;
	process->group_count = 0;
	process->fsuid = process->real_uid = view->run->uid;
	process->fsgid = process->real_gid = view->run->gid;
	snprintf(path, sizeof(path), "/proc/%d/status", view->tracee->tid);
	status = fopen(path, "re");
	if (!status)
		return;
	parse_status(process, status);
	fclose(status);
	process->credentials_known = true;
}

static bool in_group(const struct process *process, gid_t own, gid_t gid)
{
	if (own == gid)
		return true;
	for (int i = 0; i < process->group_count; i++) {
		if (process->groups[i] == gid)
			return true;
	}
	return false;
}

/* generic_permission() of Linux' fs/namei.c, for reading and executing. */
static bool permitted(struct view *view, const struct place *place,
		      const struct interpose_entry *entry, uint32_t mask)
{
	const struct process *process = view->tracee->process;
	uint32_t mode = shown_mode(view, place, entry), bits = mode & 7;
	uid_t uid, user;
	gid_t gid, group;

	view_credentials(view);
	user = view->real_ids ? process->real_uid : process->fsuid;
	group = view->real_ids ? process->real_gid : process->fsgid;
	if (user == 0)
		return !(mask & X_OK) || S_ISDIR(mode) || (mode & 0111);
	shown_owner(view, place, entry, &uid, &gid);
	if (user == uid)
		bits = (mode >> 6) & 7;
	else if (in_group(process, group, gid))
		bits = (mode >> 3) & 7;
	return (mask & ~bits & 7) == 0;
}

int view_access(struct view *view, const struct place *place,
		const struct interpose_entry *entry, int mask)
{
	uint32_t checks;

	/* sb_permission() comes first: a read-only file system, but for special files.
	 */
	if (mask & W_OK) {
		mode_t mode = entry ? entry->mode : S_IFDIR;

		if (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode))
			return EROFS;
	}
	if (!entry)
		return 0;
	checks = record_of(view, place)->view & INTERPOSE_VIEW_CHECK_PERMISSIONS;
	if (!checks)
		return 0;
	return permitted(view, place, entry, (uint32_t)mask) ? 0 : EACCES;
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

static enum walk_answer world_mount(void *context, const char *name, size_t len,
				    uint32_t *ret_mount)
{
	struct view *view = context;

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

static int world_target(void *context, const struct place *link,
			const struct interpose_entry *entry, char *buffer, size_t size)
{
	return view_target(context, link, entry, buffer, size);
}

struct walk_world view_world(struct view *view)
{
	return (struct walk_world){
		.context = view,
		.mount = world_mount,
		.catalog = world_catalog,
		.nested = world_nested,
		.mountpoint = world_mountpoint,
		.may_search = world_may_search,
		.target = world_target,
	};
}
