/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shown/entry.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "path/variant.h"

enum { BLOCK_SIZE = 4096, LONGEST_TARGET = 4096 };

static uint32_t mapped(struct shown_bytes map, uint32_t id, const uint32_t *fallback)
{
	uint32_t pair[2];

	for (uint32_t at = 0; map.bytes && at + sizeof(pair) <= map.len;
	     at += sizeof(pair)) {
		memcpy(pair, map.bytes + at, sizeof(pair));
		if (pair[0] == id)
			return pair[1];
	}
	return fallback ? *fallback : id;
}

static uint32_t mode_of(const struct shown_mount *mount,
			const struct interpose_entry *entry)
{
	if (mount->record->view & INTERPOSE_VIEW_WORLD_READABLE)
		return entry->mode | (S_ISDIR(entry->mode) ? 0555 : 0444);
	return entry->mode;
}

struct owned shown_owned(const struct shown_mount *mount,
			 const struct interpose_entry *entry)
{
	const struct interpose_mount *record = mount->record;
	struct owned owned = {.mode = mode_of(mount, entry)};
	bool has_uid = record->view & INTERPOSE_VIEW_UID_DEFAULT;
	bool has_gid = record->view & INTERPOSE_VIEW_GID_DEFAULT;

	if (record->view & INTERPOSE_VIEW_CLAIM) {
		owned.uid = record->uid;
		owned.gid = record->gid;
		return owned;
	}
	owned.uid = mapped(mount->uid_map, entry->uid,
			   has_uid ? &record->uid_default : NULL);
	owned.gid = mapped(mount->gid_map, entry->gid,
			   has_gid ? &record->gid_default : NULL);
	return owned;
}

uint64_t shown_inode(uint64_t inode, bool narrow)
{
	/* Else stat and readdir of programs without large files are EOVERFLOW: in the C
	 * library, which uses the calls of 64 bits for them too. */
	if (narrow) {
		inode = (uint32_t)(inode ^ inode >> 32);
		inode = inode ? inode : 1;
	}
	return inode;
}

/* st_blocks as the official client has it. */
static void finish_stat(struct stat *st)
{
	st->st_blksize = BLOCK_SIZE;
	st->st_blocks = 1 + st->st_size / 512;
}

void shown_stat_of_top(uint32_t mounts, struct stat *ret_stat)
{
	*ret_stat = (struct stat){.st_ino = 1,
				  .st_mode = S_IFDIR | 0555,
				  .st_nlink = 2 + mounts,
				  .st_size = 4096};
	finish_stat(ret_stat);
}

void shown_stat(const struct shown_mount *mount, const struct interpose_entry *entry,
		uint64_t inode, struct stat *ret_stat)
{
	struct owned owned = shown_owned(mount, entry);
	int len;

	*ret_stat = (struct stat){.st_ino = inode,
				  .st_mode = owned.mode,
				  .st_nlink = entry->nlink,
				  .st_uid = owned.uid,
				  .st_gid = owned.gid,
				  .st_rdev = entry->device,
				  .st_size = (off_t)entry->size};
	if (S_ISLNK(entry->mode)) {
		len = shown_target(mount, entry, NULL, LONGEST_TARGET);
		ret_stat->st_size = len < 0 ? (off_t)entry->target_len : len;
	}
	ret_stat->st_mtim.tv_sec = entry->mtime;
	ret_stat->st_mtim.tv_nsec = entry->mtime_ns;
	ret_stat->st_atim = ret_stat->st_ctim = ret_stat->st_mtim;
	finish_stat(ret_stat);
}

/* sb_permission(): special files are as everywhere. */
static bool is_read_only(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

enum shown_right shown_access(const struct shown_mount *mount,
			      const struct interpose_entry *entry, int mask)
{
	const uint32_t all = (uint32_t)mask * 0111;

	if ((mask & W_OK) && is_read_only(entry ? entry->mode : S_IFDIR))
		return SHOWN_READ_ONLY;
	if (!entry || !(mount->record->view & INTERPOSE_VIEW_CHECK_PERMISSIONS) ||
	    (mode_of(mount, entry) & all) == all)
		return SHOWN_GRANTED;
	return SHOWN_BY_CREDENTIALS;
}

/* Behind "NAME=" in one item, with the length of what is there; NULL: another name's.
 */
static const char *value_in(const char *item, size_t size, const char *name, size_t len,
			    size_t *ret_len)
{
	if (size <= len || item[len] != '=' || memcmp(item, name, len) != 0)
		return NULL;
	*ret_len = size - len - 1;
	return item + len + 1;
}

static size_t length_within(const char *text, const char *end)
{
	size_t len = 0;

	while (text + len < end && text[len])
		len++;
	return len;
}

static const char *variable(struct shown_bytes list, const char *name, size_t len,
			    size_t *ret_len)
{
	const char *at = list.bytes, *end = at ? at + list.len : NULL;

	while (at < end) {
		const size_t size = length_within(at, end);
		const char *found = value_in(at, size, name, len, ret_len);

		if (found)
			return found;
		at += size + 1;
	}
	return NULL;
}

static size_t length_of(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

static const char *variable_value(void *context, const char *name, size_t len,
				  size_t *ret_len)
{
	const struct shown_mount *mount = context;
	const char *const *environment = mount->environment;
	const char *found = variable(mount->variables, name, len, ret_len);

	for (size_t i = 0; !found && environment && environment[i]; i++)
		found = value_in(environment[i], length_of(environment[i]), name, len,
				 ret_len);
	return found;
}

int shown_target(const struct shown_mount *mount, const struct interpose_entry *entry,
		 char *buffer, size_t size)
{
	if (entry->flags & INTERPOSE_ENTRY_VARIANT)
		return variant_expand(entry->target, entry->target_len, variable_value,
				      (void *)mount, buffer, size);
	if (entry->target_len > size)
		return -ENAMETOOLONG;
	if (buffer)
		memcpy(buffer, entry->target, entry->target_len);
	return (int)entry->target_len;
}

static bool begins(const char *text, const char *with)
{
	while (*with && *text == *with) {
		text++;
		with++;
	}
	return !*with;
}

bool shown_lacks_attribute(const struct interpose_mount *record,
			   const struct interpose_entry *entry, bool is_root,
			   const char *name)
{
	if (entry->flags & INTERPOSE_ENTRY_XATTR)
		return false;
	if (name[0])
		return !begins(name, "user.") && !begins(name, "xfsroot.");
	if (record->view & INTERPOSE_VIEW_XATTR_NEVER)
		return true;
	return !is_root && !(record->view & INTERPOSE_VIEW_XATTR_ALWAYS);
}
