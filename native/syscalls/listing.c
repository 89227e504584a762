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

	listing->top_first = listing->list.position < 2 ? 2 : listing->list.position;
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

static uint64_t inode_of(const struct call *call, const struct place *place)
{
	const struct mounts *mounts = call->run->mounts;
	const struct index_map *map;
	struct interpose_entry entry;

	if (place->kind != PLACE_ENTRY)
		return 1;
	map = mounts_catalog(mounts, place->mount, place->catalog);
	if (!map || index_entry(map, place->entry, &entry) < 0)
		return 1;
	return seen_inode(call, place, &entry);
}

/* Numbers of "." and "..", which most blocks do not have. */
static void number_dots(struct listing *listing)
{
	struct call *call = &listing->target->call;
	const struct place *place = &listing->target->walk.at;
	struct walk_world world = call_world(call);
	struct place above = *place;

	if (listing->list.position > 1)
		return;
	place_parent(&world, place, &above);
	listing->list.itself = inode_of(call, place);
	listing->list.above = inode_of(call, &above);
}

static enum walk_answer start_ours(struct listing *listing)
{
	struct call *call = &listing->target->call;
	const struct mounts *mounts = call->run->mounts;
	struct place place = listing->target->walk.at;
	const struct index_map *map;
	struct interpose_entry entry;
	enum walk_answer answer;

	if (listing->target->walk.entry.flags & INTERPOSE_ENTRY_NESTED) {
		answer = mounts_nested(call->run, &listing->target->walk.at,
				       &place.catalog, &call->question);
		if (answer != WALK_YES)
			return answer;
		place.entry = 0;
	}
	map = mounts_catalog(mounts, place.mount, place.catalog);
	if (!map || index_entry(map, place.entry, &entry) < 0) {
		broken_tell(call->run, BROKEN_INDEX, mounts_fqrn(mounts, place.mount),
			    0);
		return WALK_BROKEN;
	}
	shown_list_start(&listing->list, map, &entry);
	listing->list.inode_base = mounts_inode_base(mounts, &place);
	listing->list.narrow = seen_narrow(call);
	return WALK_YES;
}

enum walk_answer listing_start(struct listing *listing, struct target *target,
			       uint64_t position)
{
	listing->target = target;
	listing->list = (struct shown_list){.position = position};
	listing->top = NULL;
	number_dots(listing);
	return target->walk.at.kind == PLACE_TOP ? start_top(listing)
						 : start_ours(listing);
}

static bool next_top(struct listing *listing, struct dirent_item *ret_item)
{
	const char *at = listing->top, *end;
	uint64_t skip = listing->list.position - listing->top_first;

	while ((end = strchr(at, '\n'))) {
		if (skip-- == 0) {
			*ret_item = (struct dirent_item){
				2 + listing->list.position, ++listing->list.position,
				DT_DIR, at, (size_t)(end - at)};
			return true;
		}
		at = end + 1;
	}
	return false;
}

bool listing_next(struct listing *listing, struct dirent_item *ret_item)
{
	if (listing->top && listing->list.position >= 2)
		return next_top(listing, ret_item);
	return shown_list_next(&listing->list, ret_item);
}
