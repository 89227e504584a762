/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order of checks: link_path_walk() and walk_component() of Linux' fs/namei.c. */
#include "path/walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool place_equal(const struct place *a, const struct place *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind != PLACE_ENTRY ||
	       (a->mount == b->mount && a->catalog == b->catalog &&
		a->entry == b->entry);
}

/* Most steps of a walk stay in one catalog. */
static const struct index_map *map_of(struct walk *walk, const struct place *place)
{
	const struct walk_world *world = walk->world;

	if (!walk->map || walk->map_catalog != place->catalog ||
	    walk->map_mount != place->mount) {
		walk->map =
			world->catalog(world->context, place->mount, place->catalog);
		walk->map_mount = place->mount;
		walk->map_catalog = place->catalog;
	}
	return walk->map;
}

static int entry_of(struct walk *walk, const struct place *place,
		    struct interpose_entry *ret_entry)
{
	const struct index_map *map = map_of(walk, place);

	return map ? index_entry(map, place->entry, ret_entry) : -EBADMSG;
}

enum walk_answer place_parent(const struct walk_world *world, const struct place *place,
			      struct place *ret_parent)
{
	const struct index_map *map;
	struct interpose_entry entry;

	*ret_parent = *place;
	if (place->kind == PLACE_TOP) {
		ret_parent->kind = PLACE_HOST;
		return WALK_YES;
	}
	if (place->entry == 0) {
		ret_parent->kind = PLACE_TOP;
		return WALK_YES;
	}
	map = world->catalog(world->context, place->mount, place->catalog);
	if (!map || index_entry(map, place->entry, &entry) < 0)
		return WALK_BROKEN;
	ret_parent->entry = entry.parent;
	if (entry.parent == 0 && place->catalog != 0)
		*ret_parent =
			world->mountpoint(world->context, place->mount, place->catalog);
	return WALK_YES;
}

static enum walk_end fail(struct walk *walk, int error)
{
	walk->error = error;
	return WALK_ERRNO;
}

static enum walk_end fail_damaged(struct walk *walk)
{
	walk->damaged = true;
	return fail(walk, EIO);
}

static enum walk_end answer_end(struct walk *walk, enum walk_answer answer)
{
	if (answer == WALK_UNKNOWN)
		return WALK_QUESTION;
	return fail(walk, answer == WALK_NO ? ENOENT : EIO);
}

/* Something was put before the rest. */
static enum walk_end put_end(struct walk *walk, int result)
{
	if (result == 0)
		return WALK_FOUND;
	walk->error = -result;
	return result == -ENAMETOOLONG ? WALK_BEYOND : WALK_ERRNO;
}

static enum walk_end leave(struct walk *walk, int result)
{
	if (result < 0)
		return put_end(walk, result);
	walk->at.kind = PLACE_HOST;
	return WALK_LEFT;
}

/* Finds `name` in the directory `at`; WALK_FOUND: in *ret_child. */
static enum walk_end find_child(struct walk *walk, const char *name, size_t len,
				struct place *ret_child)
{
	const struct walk_world *world = walk->world;
	const struct index_map *map;
	enum walk_answer answer;
	struct place directory = walk->at;
	enum lookup found;

	if (len > WALK_NAME_MAX)
		return fail(walk, ENAMETOOLONG);
	if (directory.kind == PLACE_TOP) {
		ret_child->kind = PLACE_ENTRY;
		ret_child->catalog = 0;
		ret_child->entry = 0;
		answer = world->mount(world->context, name, len, &ret_child->mount);
		if (answer == WALK_HOSTS)
			/* by the host's own name of it */
			return leave(walk, walk_put_back(walk, PREFIX_REPOSITORIES,
							 name, len));
		return answer == WALK_YES ? WALK_FOUND : answer_end(walk, answer);
	}
	if (walk->entry.flags & INTERPOSE_ENTRY_NESTED) {
		answer = world->nested(world->context, &walk->at, &directory.catalog);
		if (answer != WALK_YES)
			return answer == WALK_NO ? fail_damaged(walk)
						 : answer_end(walk, answer);
		directory.entry = 0;
	}
	map = map_of(walk, &directory);
	if (!map)
		return fail_damaged(walk);
	*ret_child = directory;
	found = index_child(map, directory.entry, name, len, index_name_hash(name, len),
			    &ret_child->entry);
	if (found == LOOKUP_FOUND)
		return WALK_FOUND;
	return found == LOOKUP_ABSENT ? fail(walk, ENOENT) : fail_damaged(walk);
}

static bool is_dot(const char *name, size_t len)
{
	return len == 1 && name[0] == '.';
}

static bool is_dot_dot(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

/* The link's target is put before the rest, and where that begins. Order: pick_link().
 */
static enum walk_end push_target(struct walk *walk, const struct place *link,
				 const struct interpose_entry *entry,
				 bool *ret_absolute)
{
	const struct walk_world *world = walk->world;
	struct walk_text text = walk_free_room(walk);
	enum walk_answer answer = world->target(world->context, link, entry, &text);

	if (answer == WALK_NO || (answer == WALK_YES && text.len > WALK_TARGET_MAX))
		return fail(walk, ENAMETOOLONG);
	if (answer != WALK_YES)
		return answer_end(walk, answer);
	*ret_absolute = text.len > 0 && text.bytes[0] == '/';
	return put_end(walk, walk_push(walk, text.bytes, text.len));
}

/* The walk is at a link that has to be followed; `at` is still its directory. */
static enum walk_end follow(struct walk *walk, const struct place *link,
			    const struct interpose_entry *entry, bool last)
{
	const struct walk_world *world = walk->world;
	const uint32_t shared = S_ISVTX | S_IWOTH;
	enum walk_answer may = WALK_YES;
	enum walk_end end;
	bool absolute;

	/* may_follow_link() */
	if (last && (walk->entry.mode & shared) == shared)
		may = world->may_follow(world->context, &walk->at, &walk->entry, link,
					entry);
	if (may != WALK_YES)
		return may == WALK_NO ? fail(walk, EACCES) : answer_end(walk, may);
	if (walk->promises & WALK_NO_LINKS)
		return fail(walk, ELOOP);
	end = push_target(walk, link, entry, &absolute);
	/* An empty target names the directory itself, as in Linux. */
	if (end != WALK_FOUND || !absolute)
		return end;
	walk->modes = world->prefixes->root_modes;
	if ((walk->promises & WALK_IN_ROOT) && walk->start.kind != PLACE_HOST) {
		walk->at = walk->start;
		return WALK_FOUND;
	}
	if (walk->promises & (WALK_BENEATH | WALK_NO_XDEV))
		return fail(walk, EXDEV);
	walk->at.kind = PLACE_HOST;
	return WALK_LEFT;
}

/* Loads the entry that `at` names; directories of the way must let us through. */
static enum walk_end enter(struct walk *walk)
{
	if (walk->at.kind == PLACE_ENTRY && entry_of(walk, &walk->at, &walk->entry) < 0)
		return fail_damaged(walk);
	return WALK_FOUND;
}

static enum walk_end check_directory(struct walk *walk)
{
	const struct walk_world *world = walk->world;
	enum walk_answer answer;

	if (walk->at.kind == PLACE_TOP)
		return WALK_FOUND;
	if (!S_ISDIR(walk->entry.mode))
		return fail(walk, ENOTDIR);
	answer = world->may_search(world->context, &walk->at, &walk->entry);
	if (answer == WALK_YES)
		return WALK_FOUND;
	return answer == WALK_NO ? fail(walk, EACCES) : answer_end(walk, answer);
}

/* The link's entry has been loaded; a few are met on the way, names at each step. */
__attribute__((noinline)) static enum walk_end
step_link(struct walk *walk, const struct place *link, bool last)
{
	const struct interpose_entry entry = walk->entry;
	enum walk_end end = enter(walk);

	if (end == WALK_FOUND)
		end = follow(walk, link, &entry, last);
	return end == WALK_FOUND ? enter(walk) : end;
}

/* One step with a real name. */
static enum walk_end step_name(struct walk *walk, const char *name, size_t len,
			       bool last)
{
	struct place child;
	enum walk_end end;

	if (last && walk->trailing_slash && walk->slash == WALK_SLASH_REFUSED)
		return fail(walk, EISDIR);
	end = find_child(walk, name, len, &child);
	if (end == WALK_LEFT)
		return end;
	walk->parent = walk->at;
	if (end != WALK_FOUND) {
		walk->missing_last = last && end == WALK_ERRNO && walk->error == ENOENT;
		return end;
	}
	if ((walk->promises & WALK_NO_XDEV) && child.kind != walk->at.kind)
		return fail(walk, EXDEV);
	if (entry_of(walk, &child, &walk->entry) < 0)
		return fail_damaged(walk);
	if (S_ISLNK(walk->entry.mode) && (!last || walk_follows_last(walk)))
		return step_link(walk, &child, last);
	walk->at = child;
	return WALK_FOUND;
}

static enum walk_end step_dot_dot(struct walk *walk)
{
	struct place parent;

	if (place_equal(&walk->at, &walk->start)) {
		if (walk->promises & WALK_BENEATH)
			return fail(walk, EXDEV);
		if (walk->promises & WALK_IN_ROOT)
			return WALK_FOUND;
	}
	if (place_parent(walk->world, &walk->at, &parent) != WALK_YES)
		return fail_damaged(walk);
	if ((walk->promises & WALK_NO_XDEV) && parent.kind != walk->at.kind)
		return fail(walk, EXDEV);
	walk->at = parent;
	return parent.kind == PLACE_HOST ? WALK_LEFT : enter(walk);
}

static bool is_here(const struct walk *walk, const struct prefix *row)
{
	return walk->world->is_called(walk->world->context, &walk->at, row->directory);
}

/* A row of the table stands for the name just taken. *ret_taken: it has decided where
 * the walk goes on. */
static enum walk_end ask_rows(struct walk *walk, const char *name, size_t len,
			      bool *ret_taken)
{
	const struct prefix *row = walk_row(walk, NULL, true, name, len);
	int result;

	while (row && !is_here(walk, row))
		row = walk_row(walk, row, true, name, len);
	*ret_taken = row && row->kind != PREFIX_MODES;
	if (!row)
		return WALK_FOUND;
	walk->modes = row->modes;
	if (row->kind == PREFIX_DENY || row->kind == PREFIX_ENOENT)
		return fail(walk, row->kind == PREFIX_DENY ? EACCES : ENOENT);
	if (row->kind == PREFIX_MODES)
		return WALK_FOUND;
	if (walk->promises & (WALK_SCOPED | WALK_NO_XDEV))
		return fail(walk, EXDEV);
	if (row->kind == PREFIX_HOST)
		return leave(walk, walk_replace(walk, row));
	result = walk_replace(walk, row);
	if (result < 0)
		return put_end(walk, result);
	walk->at.kind = PLACE_TOP;
	return WALK_FOUND;
}

enum walk_end walk_go(struct walk *walk)
{
	enum walk_end end;
	const char *name;
	size_t len;
	bool last, taken = false;

	walk->map = NULL; /* it may have gone since */
	end = enter(walk);
	walk->damaged = end == WALK_ERRNO;
	/* "/cvmfs/", or a link of /proc that leads to us with a slash behind it */
	walk_skip_slashes(walk);
	if (walk->rest.depth == 0 && walk->trailing_slash &&
	    walk->slash == WALK_SLASH_REFUSED)
		return fail(walk, EISDIR);
	while (end == WALK_FOUND && walk_next(walk, &name, &len, &last)) {
		end = check_directory(walk);
		if (end != WALK_FOUND)
			break;
		if (walk->world->prefixes->below_repositories)
			end = ask_rows(walk, name, len, &taken);
		if (end != WALK_FOUND)
			break;
		if (taken)
			continue;
		walk->last_is_dot = is_dot(name, len) || is_dot_dot(name, len);
		if (walk->parent_only && last) {
			walk->last = name;
			walk->last_len = len;
			return WALK_FOUND;
		}
		if (is_dot(name, len))
			continue;
		end = is_dot_dot(name, len) ? step_dot_dot(walk)
					    : step_name(walk, name, len, last);
	}
	if (end != WALK_FOUND)
		return end;
	if (walk->trailing_slash && walk->slash == WALK_SLASH_DIRECTORY &&
	    walk->at.kind == PLACE_ENTRY && !S_ISDIR(walk->entry.mode))
		return fail(walk, ENOTDIR);
	return WALK_FOUND;
}
