/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is still before a walk: names are taken off the caller's path, off targets of
 * links and of rows, where these lie. Only what lies nowhere else is copied. */
#include <errno.h>
#include <string.h>

#include "path/walk.h"

int walk_start(struct walk *walk, const struct walk_world *world, struct place at,
	       const char *path, size_t path_len)
{
	walk->links = walk->replaced = 0;
	walk->modes = world->prefixes->root_modes;
	walk->settled = UINT32_MAX;
	walk->taken = 0;
	walk->rest = (struct walk_rest){path, 0};
	if (path_len > 4096 || walk->room.count == 0)
		return -ENAMETOOLONG;
	walk->start = at;
	walk->promises = 0;
	walk->world = world;
	walk->at = at;
	walk->parent = at;
	walk->error = 0;
	walk->missing_last = false;
	walk->last_is_dot = true;
	walk->follow_last = walk->parent_only = false;
	walk->last = NULL;
	walk->last_len = 0;
	walk->slash = WALK_SLASH_DIRECTORY;
	walk->trailing_slash = path_len > 0 && path[path_len - 1] == '/';
	walk->room.segments[0] = (struct walk_segment){path, path + path_len};
	walk->rest.depth = 1;
	return 0;
}

/* What has been walked to its end is left. */
__attribute__((noinline)) static void skip_all(const struct walk *walk,
					       struct walk_rest *rest)
{
	const struct walk_segment *segments = walk->room.segments;

	while (rest->depth > 0) {
		const char *end = segments[rest->depth - 1].end, *at = rest->at;

		while (at < end && *at == '/')
			at++;
		rest->at = at;
		if (at < end)
			return;
		if (--rest->depth > 0)
			rest->at = segments[rest->depth - 1].at;
	}
}

/* To the next name, which most often is just there, or behind a single slash. */
static inline void skip_slashes(const struct walk *walk, struct walk_rest *rest)
{
	const char *at = rest->at, *end;

	if (rest->depth == 0)
		return;
	end = walk->room.segments[rest->depth - 1].end;
	if (at < end && *at == '/')
		at++;
	if (at < end && *at != '/')
		rest->at = at;
	else
		skip_all(walk, rest);
}

/* The next name, and on behind it; NULL: there is none. */
static const char *next_name(const struct walk *walk, struct walk_rest *rest,
			     size_t *ret_len)
{
	const char *name, *at, *end;

	skip_slashes(walk, rest);
	if (rest->depth == 0)
		return NULL;
	name = at = rest->at;
	end = walk->room.segments[rest->depth - 1].end;
	while (at < end && *at != '/')
		at++;
	*ret_len = (size_t)(at - name);
	rest->at = at;
	skip_slashes(walk, rest);
	return name;
}

void walk_skip_slashes(struct walk *walk)
{
	skip_slashes(walk, &walk->rest);
}

bool walk_next(struct walk *walk, const char **ret_name, size_t *ret_len,
	       bool *ret_last)
{
	walk_skip_slashes(walk);
	walk->taken = walk->rest.depth - 1;
	*ret_name = next_name(walk, &walk->rest, ret_len);
	*ret_last = walk->rest.depth == 0;
	return *ret_name;
}

/* What is not walked yet of the uppermost segment is all that is left of it. */
static void keep_rest(struct walk *walk)
{
	walk_skip_slashes(walk);
	if (walk->rest.depth > 0)
		walk->room.segments[walk->rest.depth - 1].at = walk->rest.at;
}

static int put_before(struct walk *walk, const char *text, size_t len)
{
	keep_rest(walk);
	if (walk->rest.depth == 0)
		walk->trailing_slash |= len > 0 && text[len - 1] == '/';
	if (len == 0)
		return 0;
	if (walk->rest.depth == walk->room.count)
		return -ENAMETOOLONG;
	walk->room.segments[walk->rest.depth++] =
		(struct walk_segment){text, text + len};
	walk->rest.at = text;
	return 0;
}

struct walk_text walk_free_room(struct walk *walk)
{
	struct walk_room *room = &walk->room;
	struct walk_text text = {.room = room->text, .size = room->text_size};

	/* Each text is put below those that are not walked yet, so the uppermost one
	 * that lies there is the lowest. */
	keep_rest(walk);
	for (uint32_t i = walk->rest.depth; i > 0; i--) {
		uintptr_t at = (uintptr_t)room->segments[i - 1].at;

		if (at - (uintptr_t)room->text < room->text_size) {
			text.size = at - (uintptr_t)room->text;
			break;
		}
	}
	return text;
}

static int count_link(struct walk *walk)
{
	return ++walk->links > WALK_MAX_LINKS ? -ELOOP : 0;
}

static int put_link(struct walk *walk, const char *target, size_t target_len)
{
	if (walk->rest.depth <= walk->settled)
		walk->settled = UINT32_MAX;
	return put_before(walk, target, target_len);
}

int walk_push(struct walk *walk, const char *target, size_t target_len)
{
	int result = count_link(walk);

	return result < 0 ? result : put_link(walk, target, target_len);
}

int walk_push_copy(struct walk *walk, const char *target, size_t target_len)
{
	struct walk_text text = walk_free_room(walk);
	int result = count_link(walk);
	char *copy;

	if (result < 0)
		return result;
	if (!text.room || target_len > text.size)
		return -ENAMETOOLONG;
	copy = text.room + text.size - target_len;
	memcpy(copy, target, target_len);
	return put_link(walk, copy, target_len);
}

/* The names that come with the row's own, taken off; false: it goes on otherwise. */
static bool take_below(const struct walk *walk, const struct prefix *row,
		       struct walk_rest *rest)
{
	const char *below = row->below;

	while (*below) {
		size_t len;
		const char *name = next_name(walk, rest, &len);

		if (!name)
			return false;
		if (len == 1 && name[0] == '.')
			continue;
		if (!prefix_goes_on(&below, name, len))
			return false;
	}
	return true;
}

const struct prefix *walk_row(const struct walk *walk, const struct prefix *row,
			      bool below_repositories, const char *name, size_t len)
{
	struct walk_rest ahead;

	if (walk->taken >= walk->settled)
		return NULL;
	do {
		row = prefix_named(walk->world->prefixes, row, below_repositories, name,
				   len);
		ahead = walk->rest;
	} while (row && !take_below(walk, row, &ahead));
	return row;
}

/* What is put before the rest from now on is what a row stands for. */
static int settle(struct walk *walk)
{
	walk_skip_slashes(walk);
	walk->settled = walk->rest.depth;
	return ++walk->replaced > WALK_MAX_LINKS ? -ELOOP : 0;
}

int walk_replace(struct walk *walk, const struct prefix *row)
{
	const char *target = row->target;
	size_t len = 0;
	int result;

	take_below(walk, row, &walk->rest);
	result = settle(walk);
	while (target[len])
		len++;
	return result < 0 ? result : put_before(walk, target, len);
}

int walk_put_back(struct walk *walk, const char *directory, const char *name,
		  size_t len)
{
	size_t directory_len = 0;
	int result = settle(walk);

	while (directory[directory_len])
		directory_len++;
	if (result == 0)
		result = put_before(walk, name, len);
	return result < 0 ? result : put_before(walk, directory, directory_len);
}

bool walk_follows_last(const struct walk *walk)
{
	return walk->follow_last ||
	       (walk->trailing_slash && walk->slash == WALK_SLASH_DIRECTORY);
}
