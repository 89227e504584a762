/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text that a walk has before it: names are taken off its front, targets of links
 * and of rows are put there. */
#include <errno.h>
#include <string.h>

#include "path/walk.h"

int walk_start(struct walk *walk, const struct walk_world *world, struct place at,
	       const char *path, size_t path_len)
{
	walk->links = walk->replaced = 0;
	walk->modes = world->prefixes->root_modes;
	walk->settled = 0;
	if (path_len > 4096)
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
	walk->head = (uint32_t)(WALK_TEXT_SIZE - path_len);
	memcpy(walk->text + walk->head, path, path_len);
	return 0;
}

void walk_skip_slashes(struct walk *walk)
{
	while (walk->head < WALK_TEXT_SIZE && walk->text[walk->head] == '/')
		walk->head++;
}

bool walk_next(struct walk *walk, const char **ret_name, size_t *ret_len,
	       bool *ret_last)
{
	uint32_t start;

	walk_skip_slashes(walk);
	if (walk->head == WALK_TEXT_SIZE)
		return false;
	start = walk->head;
	while (walk->head < WALK_TEXT_SIZE && walk->text[walk->head] != '/')
		walk->head++;
	*ret_name = walk->text + start;
	*ret_len = walk->head - start;
	walk_skip_slashes(walk);
	*ret_last = walk->head == WALK_TEXT_SIZE;
	return true;
}

static int put_before(struct walk *walk, const char *target, size_t target_len)
{
	/* One byte for the slash between the target and what follows it. */
	if (target_len + 1 > walk->head)
		return -ENAMETOOLONG;
	if (walk->head < WALK_TEXT_SIZE)
		walk->text[--walk->head] = '/';
	else
		walk->trailing_slash |= target_len > 0 && target[target_len - 1] == '/';
	walk->head -= (uint32_t)target_len;
	memcpy(walk->text + walk->head, target, target_len);
	return 0;
}

int walk_push(struct walk *walk, const char *target, size_t target_len)
{
	if (++walk->links > WALK_MAX_LINKS)
		return -ELOOP;
	if (walk->head >= walk->settled)
		walk->settled = 0;
	return put_before(walk, target, target_len);
}

const struct prefix *walk_row(const struct walk *walk, const struct prefix *row,
			      bool below_repositories, const char *name, size_t len)
{
	if (name - walk->text < walk->settled)
		return NULL;
	do {
		row = prefix_named(walk->world->prefixes, row, below_repositories, name,
				   len);
	} while (row && row->below[0] &&
		 prefix_below(row, walk->text + walk->head,
			      WALK_TEXT_SIZE - walk->head) < 0);
	return row;
}

int walk_replace(struct walk *walk, const struct prefix *row, const char *target)
{
	size_t len = 0;

	if (++walk->replaced > WALK_MAX_LINKS)
		return -ELOOP;
	if (row && row->below[0])
		walk->head += (uint32_t)prefix_below(row, walk->text + walk->head,
						     WALK_TEXT_SIZE - walk->head);
	walk_skip_slashes(walk);
	walk->settled = walk->head;
	while (target[len])
		len++;
	return put_before(walk, target, len);
}

bool walk_follows_last(const struct walk *walk)
{
	return walk->follow_last ||
	       (walk->trailing_slash && walk->slash == WALK_SLASH_DIRECTORY);
}
