/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/seen.h"

#include <errno.h>
#include <unistd.h>

#include "run/mounts.h"

static struct shown_bytes bytes_of(const struct mounts *mounts, uint32_t mount,
				   struct interpose_span span)
{
	struct shown_bytes found;

	found.bytes = mounts_span(mounts, mount, span, &found.len);
	return found;
}

static struct shown_mount mount_of(const struct call *call, const struct place *place)
{
	const struct mounts *mounts = call->run->mounts;
	const struct interpose_mount *record = mounts_record(mounts, place->mount);

	return (struct shown_mount){
		.record = record,
		.uid_map = bytes_of(mounts, place->mount, record->uid_map),
		.gid_map = bytes_of(mounts, place->mount, record->gid_map),
		.variables = bytes_of(mounts, place->mount, record->variables),
		.environment = call->run->environment,
	};
}

bool seen_narrow(const struct call *call)
{
	return call->tracee->stop.regs.abi == ARCH_I386;
}

uint64_t seen_inode(const struct call *call, const struct place *place,
		    const struct interpose_entry *entry)
{
	return shown_inode(mounts_inode(call->run->mounts, place, entry),
			   seen_narrow(call));
}

void seen_stat(const struct call *call, const struct place *place,
	       const struct interpose_entry *entry, struct stat *ret_stat)
{
	struct shown_mount mount;

	if (place->kind == PLACE_ENTRY) {
		mount = mount_of(call, place);
		shown_stat(&mount, entry, seen_inode(call, place, entry), ret_stat);
	} else {
		shown_stat_of_top(mounts_count(call->run->mounts), ret_stat);
	}
	ret_stat->st_dev = mounts_device(place);
}

struct owned seen_owned(const struct call *call, const struct place *place,
			const struct interpose_entry *entry)
{
	struct shown_mount mount = mount_of(call, place);

	return shown_owned(&mount, entry);
}

int seen_target(const struct call *call, const struct place *place,
		const struct interpose_entry *entry, char *buffer, size_t size)
{
	struct shown_mount mount = mount_of(call, place);

	return shown_target(&mount, entry, buffer, size);
}

enum walk_answer seen_text(const struct call *call, const struct place *place,
			   const struct interpose_entry *entry, struct walk_text *text)
{
	size_t most = text->size < WALK_TARGET_MAX ? text->size : WALK_TARGET_MAX;
	int len;

	text->bytes = entry->target;
	text->len = entry->target_len;
	if (!(entry->flags & INTERPOSE_ENTRY_VARIANT))
		return WALK_YES;
	len = seen_target(call, place, entry, NULL, most);
	if (len < 0)
		return WALK_NO;
	text->len = (size_t)len;
	text->bytes = text->room + text->size - len;
	seen_target(call, place, entry, text->room + text->size - len, text->len);
	return WALK_YES;
}

int seen_access(const struct call *call, const struct place *place,
		const struct interpose_entry *entry, int mask)
{
	struct shown_mount mount = {0};
	struct owned owned;
	enum shown_right right;

	if (entry)
		mount = mount_of(call, place);
	right = shown_access(&mount, entry, mask);
	if (right != SHOWN_BY_CREDENTIALS)
		return right == SHOWN_READ_ONLY ? EROFS : 0;
	owned = shown_owned(&mount, entry);
	return credentials_permit(call->run, call->tracee, call->whose, &owned,
				  (uint32_t)mask)
		       ? 0
		       : EACCES;
}

const char *seen_shared_memory(const struct run *run, const struct stat *st)
{
	return mounts_is_index(run->mounts, st->st_dev, st->st_ino)
		       ? "/dev/zero (deleted)"
		       : NULL;
}
