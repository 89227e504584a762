/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/broken.h"
#include "run/clock.h"
#include "run/kept.h"
#include "run/mounttable.h"

struct mounts *mounts_create(const struct scratch *scratch)
{
	struct mounts *mounts = calloc(1, sizeof(*mounts));

	if (!mounts)
		return NULL;
	mounts->opened = calloc(1, sizeof(*mounts->opened));
	if (!mounts->opened) {
		free(mounts);
		return NULL;
	}
	mounts->scratch = scratch;
	mounts->ret_missed = &mounts->was_missed;
	return mounts;
}

static bool name_is_fqrn(const char *name, size_t len)
{
	bool dot = false;

	if (len < 3 || len > 60 || name[0] == '.' || name[0] == '-' || name[0] == '_' ||
	    name[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
			return false;
		dot |= c == '.';
	}
	return dot;
}

/* Takes the record over, and maps the root catalog that it names. */
static int mount_load(struct mounts *mounts, uint32_t mount,
		      struct interpose_mount *record, size_t size)
{
	const struct place above = {.kind = PLACE_TOP, .mount = mount};
	struct mount *m = &mounts->mounts[mount];
	int result;

	m->record = record;
	m->record_len = size;
	result = catalogs_add(mounts, &above, "", record->root_digest,
			      record->root_algorithm);
	if (result < 0)
		return result;
	return m->catalogs[0].state == SLOT_OPEN ? 0 : -EBADMSG;
}

static void mount_unload(struct mount *mount)
{
	for (uint32_t i = 0; i < mount->catalog_count; i++)
		catalogs_deinit(&mount->catalogs[i]);
	free(mount->catalogs);
	nestedtable_deinit(&mount->nested);
	free(mount->record);
	mount->catalogs = NULL;
	mount->catalog_count = mount->open_count = 0;
	mount->has_grown = false;
	mount->record = NULL;
}

void mounts_destroy(struct mounts *mounts)
{
	if (!mounts)
		return;
	for (uint32_t i = 0; i < mounts->count; i++) {
		mount_unload(&mounts->mounts[i]);
		free(mounts->mounts[i].fqrn);
	}
	free(mounts->mounts);
	free(mounts->opened->roots);
	free(mounts->opened);
	free(mounts);
}

static int slot_of(struct mounts *mounts, const char *name, size_t len,
		   uint32_t *ret_mount)
{
	struct mount *all;

	for (uint32_t i = 0; i < mounts->count; i++) {
		const char *fqrn = mounts->mounts[i].fqrn;

		if (strncmp(fqrn, name, len) == 0 && fqrn[len] == '\0') {
			*ret_mount = i;
			return 0;
		}
	}
	all = realloc(mounts->mounts, (mounts->count + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	mounts->mounts = all;
	memset(&all[mounts->count], 0, sizeof(*all));
	all[mounts->count].fqrn = strndup(name, len);
	if (!all[mounts->count].fqrn)
		return -ENOMEM;
	*ret_mount = mounts->count++;
	return 0;
}

static void mount_fail(struct mount *mount, int error)
{
	mount->state = SLOT_FAILED;
	mount->error = error;
	mount->failed_at = clock_now_s();
}

/* Takes the answer to the mount's question, if it is there. */
static void mount_take_answer(struct run *run, uint32_t number)
{
	struct mount *mount = &run->mounts->mounts[number];
	struct interpose_mount *record;
	struct channel_answer answer;
	char path[4096 + 64];
	size_t size;

	switch (channel_look(run->channel, mount->question, &answer)) {
	case CHANNEL_UNDER_WAY:
		return;
	case CHANNEL_UNKNOWN:
		mount->state = SLOT_UNKNOWN;
		return;
	case CHANNEL_ANSWERED:
		break;
	}
	snprintf(path, sizeof(path), "%.*s", (int)answer.body_len,
		 (const char *)answer.body);
	if (answer.error) {
		mount_fail(mount, answer.error);
	} else {
		record = mounttable_read(run->mounts, path, &size);
		if (record && mount_load(run->mounts, number, record, size) == 0) {
			mount->state = SLOT_OPEN;
		} else {
			mount_unload(mount);
			mount_fail(mount, EIO);
		}
		if (mount->state != SLOT_OPEN)
			broken_tell(run, BROKEN_MOUNT, mount->fqrn, 0);
	}
	channel_forget(run->channel, mount->question);
	mount->question = 0;
}

static void mount_try_kept(struct run *run, uint32_t number)
{
	struct mount *mount = &run->mounts->mounts[number];
	struct interpose_mount *record;
	char path[4096 + 64];
	size_t size;

	if (!run->kept || mount->kept_tried)
		return;
	mount->kept_tried = true;
	snprintf(path, sizeof(path), "%s/%s", run->kept, mount->fqrn);
	record = mounttable_read(run->mounts, path, &size);
	if (!record)
		return;
	if (!kept_is_valid(record, size)) {
		free(record);
		return;
	}
	if (mount_load(run->mounts, number, record, size) == 0)
		mount->state = SLOT_OPEN;
	else
		mount_unload(mount);
}

bool mounts_open_kept(struct run *run, const char *name, size_t name_len)
{
	uint32_t number;

	if (!name_is_fqrn(name, name_len) ||
	    slot_of(run->mounts, name, name_len, &number) < 0)
		return false;
	if (run->mounts->mounts[number].state == SLOT_UNKNOWN)
		mount_try_kept(run, number);
	return run->mounts->mounts[number].state == SLOT_OPEN;
}

enum walk_answer mounts_find(struct run *run, const char *name, size_t name_len,
			     uint32_t *ret_mount, uint32_t *ret_question)
{
	struct mounts *mounts = run->mounts;
	struct mount *mount;
	uint32_t number;

	if (!name_is_fqrn(name, name_len))
		return WALK_NO;
	if (slot_of(mounts, name, name_len, &number) < 0)
		return WALK_BROKEN;
	mount = &mounts->mounts[number];
	if (mount->state == SLOT_OPENING)
		mount_take_answer(run, number);
	if (mount->state == SLOT_FAILED && mount->error != ENOENT &&
	    mounttable_retry_now(mount->failed_at))
		mount->state = SLOT_UNKNOWN;
	if (mount->state == SLOT_UNKNOWN)
		mount_try_kept(run, number);
	if (mount->state == SLOT_UNKNOWN) {
		struct channel_question question = {.kind = INTERPOSE_OPEN,
						    .fqrn = mount->fqrn};

		mount->question = mounttable_ask(run, &question);
		if (!mount->question)
			return WALK_BROKEN;
		mount->state = SLOT_OPENING;
	}
	*ret_mount = number;
	*ret_question = mount->question;
	if (mount->state == SLOT_OPENING)
		return WALK_UNKNOWN;
	if (mount->state == SLOT_OPEN)
		return WALK_YES;
	return mount->error == ENOENT ? WALK_NO : WALK_BROKEN;
}

bool mounts_is_open(const struct mounts *mounts, uint32_t mount)
{
	return mounts->mounts[mount].state == SLOT_OPEN;
}

void mounts_forget_failures(struct mounts *mounts)
{
	for (uint32_t i = 0; i < mounts->count; i++)
		if (mounts->mounts[i].state == SLOT_FAILED)
			mounts->mounts[i].state = SLOT_UNKNOWN;
}

uint64_t mounts_inode_base(const struct mounts *mounts, const struct place *place)
{
	return mounts->mounts[place->mount].catalogs[place->catalog].inode_base;
}

uint64_t mounts_inode(const struct mounts *mounts, const struct place *place,
		      const struct interpose_entry *entry)
{
	if (place->kind != PLACE_ENTRY)
		return 1;
	return index_inode(mounts_inode_base(mounts, place), entry);
}
