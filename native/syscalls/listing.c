/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls/listing.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "find/seen.h"
#include "interpose.h"
#include "run/broken.h"
#include "run/channel.h"
#include "run/mounts.h"

/* Names below /cvmfs: the resolver knows them; asked for a part at each new block. */
static enum walk_answer start_top(struct listing *listing)
{
	static char names[INTERPOSE_LIST_SIZE + 1]; /* of the listing at hand */
	struct call *call = &listing->target->call;
	struct run *run = call->run;
	struct channel_question question = {.kind = INTERPOSE_LIST, .fqrn = ""};
	struct channel_answer answer;
	enum channel_state state = CHANNEL_UNKNOWN;
	uint32_t id = call->tracee->question;
	int asked, error;

	listing->top_first = listing->position < 2 ? 2 : listing->position;
	question.entry = (uint32_t)(listing->top_first - 2);
	if (id)
		state = channel_look(run->channel, id, &answer);
	if (state == CHANNEL_ANSWERED) {
		error = answer.error || answer.body_len > INTERPOSE_LIST_SIZE;
		if (!error)
			memcpy(names, answer.body, answer.body_len);
		names[error ? 0 : answer.body_len] = '\0';
		listing->top = names;
		channel_forget(run->channel, id);
		return error ? WALK_BROKEN : WALK_YES;
	}
	if (state == CHANNEL_UNKNOWN) {
		asked = channel_ask(run->channel, &question);
		run->counters.questions++;
		if (asked <= 0)
			return WALK_BROKEN;
		id = (uint32_t)asked;
	}
	call->question = id;
	return WALK_UNKNOWN;
}

enum walk_answer listing_start(struct listing *listing, struct target *target,
			       uint64_t position)
{
	struct call *call = &target->call;
	const struct index_map *map;
	enum walk_answer answer;

	listing->target = target;
	listing->position = position;
	listing->place = target->walk.at;
	if (target->walk.at.kind == PLACE_TOP)
		return start_top(listing);
	if (target->walk.entry.flags & INTERPOSE_ENTRY_NESTED) {
		answer = mounts_nested(call->run, &target->walk.at,
				       &listing->place.catalog, &call->question);
		if (answer != WALK_YES)
			return answer;
		listing->place.entry = 0;
	}
	map = mounts_catalog(call->run->mounts, listing->place.mount,
			     listing->place.catalog);
	if (!map || index_entry(map, listing->place.entry, &listing->directory) < 0) {
		broken_tell(call->run, BROKEN_INDEX,
			    mounts_fqrn(call->run->mounts, listing->place.mount), 0);
		return WALK_BROKEN;
	}
	return WALK_YES;
}

static uint64_t inode_of(const struct listing *listing, const struct place *place)
{
	const struct mounts *mounts = listing->target->call.run->mounts;
	const struct index_map *map;
	struct interpose_entry entry;

	if (place->kind != PLACE_ENTRY)
		return 1;
	map = mounts_catalog(mounts, place->mount, place->catalog);
	if (!map || index_entry(map, place->entry, &entry) < 0)
		return 1;
	return seen_inode(&listing->target->call, place, &entry);
}

static bool next_dot(struct listing *listing, struct dirent_item *ret_item)
{
	struct call *call = &listing->target->call;
	struct walk_world world = call_world(call);
	struct place place = listing->target->walk.at;
	bool is_parent = listing->position == 1;

	if (is_parent)
		place_parent(&world, &listing->target->walk.at, &place);
	*ret_item =
		(struct dirent_item){inode_of(listing, &place), ++listing->position,
				     DT_DIR, is_parent ? ".." : ".", is_parent ? 2 : 1};
	return true;
}

static bool next_top(struct listing *listing, struct dirent_item *ret_item)
{
	const char *at = listing->top, *end;
	uint64_t skip = listing->position - listing->top_first;

	while ((end = strchr(at, '\n'))) {
		if (skip-- == 0) {
			*ret_item = (struct dirent_item){2 + listing->position,
							 ++listing->position, DT_DIR,
							 at, (size_t)(end - at)};
			return true;
		}
		at = end + 1;
	}
	return false;
}

static bool next_child(struct listing *listing, struct dirent_item *ret_item)
{
	const struct mounts *mounts = listing->target->call.run->mounts;
	const struct index_map *map =
		mounts_catalog(mounts, listing->place.mount, listing->place.catalog);
	const struct interpose_entry *directory = &listing->directory;

	while (listing->position - 2 < directory->child_count) {
		struct interpose_entry entry;
		struct place place = listing->place;

		place.entry =
			directory->first_child + (uint32_t)(listing->position - 2);
		listing->position++;
		if (!map || index_entry(map, place.entry, &entry) < 0)
			return false;
		if (entry.flags & INTERPOSE_ENTRY_HIDDEN)
			continue;
		*ret_item = (struct dirent_item){
			seen_inode(&listing->target->call, &place, &entry),
			listing->position, (uint8_t)IFTODT(entry.mode), entry.name,
			entry.name_len};
		return true;
	}
	return false;
}

bool listing_next(struct listing *listing, struct dirent_item *ret_item)
{
	if (listing->position < 2)
		return next_dot(listing, ret_item);
	if (listing->place.kind == PLACE_TOP)
		return next_top(listing, ret_item);
	return next_child(listing, ret_item);
}
