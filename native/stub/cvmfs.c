/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk, and what is shown of its end, are the tracer's own (path/, shown/), with a
 * world that has the board alone. */
#include "stub/cvmfs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "shown/statx.h"
#include "stub/directory.h"
#include "stub/object.h"
#include "stub/world.h"

enum {
	PATH_SIZE = 4096,
	/* Links in links that are not at their ends are rare. */
	SEGMENTS = 5
};

const char *cvmfs_rest(const char *path)
{
	const char *prefix = PREFIX_REPOSITORIES;

	while (*prefix && *path == *prefix) {
		path++;
		prefix++;
	}
	return !*prefix && *path == '/' ? path : NULL;
}

/* Attributes as the tracer shows them (syscalls/stat.c). What it needs of the stack is
 * not needed during the walk. */
__attribute__((noinline)) static void show(const struct request *request,
					   const struct place *place,
					   const struct interpose_entry *entry)
{
	const struct board_mount *mount = world_mount(place);
	const struct shown_mount shown = {.record = &mount->record};
	const uint64_t inode = world_inode(place, entry);
	struct shown_mount_point point;
	struct stat st;

	if (request->st) {
		shown_stat(&shown, entry, inode, request->st);
		request->st->st_dev = mount->device;
		return;
	}
	shown_stat(&shown, entry, inode, &st);
	st.st_dev = mount->device;
	point.id = mount->number;
	point.is_root = !place->catalog && !place->entry;
	point.known = stub_state()->mount_numbers;
	shown_statx(&st, &point, request->mask, request->stx);
}

enum stub_verdict cvmfs_show(struct stub_frame *frame, const struct request *request,
			     const struct place *place)
{
	const struct index_map *map = world_index(place);
	struct interpose_entry entry;

	if (!map || index_entry(map, place->entry, &entry) < 0 ||
	    entry.flags & INTERPOSE_ENTRY_VARIANT)
		return STUB_SITE;
	show(request, place, &entry);
	return stub_done(frame, 0);
}

static enum stub_verdict tell_attribute(struct stub_frame *frame,
					const struct request *request,
					const struct walk *walk)
{
	const struct board_mount *mount = world_mount(&walk->at);
	const bool is_root = !walk->at.catalog && !walk->at.entry;

	if (!shown_lacks_attribute(&mount->record, &walk->entry, is_root,
				   request->attribute))
		return STUB_SITE;
	return stub_done(frame, request->attribute[0] ? -ENODATA : 0);
}

static enum stub_verdict tell_link(struct stub_frame *frame,
				   const struct request *request,
				   const struct interpose_entry *entry)
{
	size_t len = entry->target_len;

	if (!S_ISLNK(entry->mode))
		return stub_done(frame, -EINVAL);
	if (len > PATH_SIZE)
		return STUB_SITE;
	if (len > (size_t)request->size)
		len = (size_t)request->size;
	memcpy(request->link, entry->target, len);
	return stub_done(frame, (long)len);
}

static enum stub_verdict tell_rights(struct stub_frame *frame,
				     const struct request *request,
				     const struct walk *walk)
{
	const struct shown_mount shown = {.record = &world_mount(&walk->at)->record};

	switch (shown_access(&shown, &walk->entry, request->rights)) {
	case SHOWN_GRANTED:
		return stub_done(frame, 0);
	case SHOWN_READ_ONLY:
		return stub_done(frame, -EROFS);
	default:
		return STUB_SITE;
	}
}

static enum stub_verdict open_it(struct stub_frame *frame,
				 const struct request *request, const struct walk *walk)
{
	if (S_ISDIR(walk->entry.mode))
		return directory_open(frame, request, walk);
	return S_ISREG(walk->entry.mode) ? object_open(frame, request, walk)
					 : STUB_SITE;
}

static enum stub_verdict found(struct stub_frame *frame, const struct request *request,
			       const struct walk *walk)
{
	if (walk->at.kind != PLACE_ENTRY || request->executes)
		return STUB_SITE;
	if (request->opens)
		return open_it(frame, request, walk);
	if (walk->entry.flags & INTERPOSE_ENTRY_VARIANT)
		return STUB_SITE;
	if (request->link)
		return tell_link(frame, request, &walk->entry);
	if (request->asks_rights)
		return tell_rights(frame, request, walk);
	if (request->attribute)
		return tell_attribute(frame, request, walk);
	show(request, &walk->at, &walk->entry);
	return stub_done(frame, 0);
}

/* From the root of the host, where the walk is: true if it comes back at once. */
static bool comes_back(struct walk *walk)
{
	const char *name;
	size_t len;
	bool last;

	if (!walk_next(walk, &name, &len, &last) ||
	    len != sizeof(PREFIX_REPOSITORIES) - 2 ||
	    memcmp(name, PREFIX_REPOSITORIES + 1, len) != 0)
		return false;
	walk->at.kind = PLACE_TOP;
	return true;
}

typedef uint64_t word __attribute__((may_alias));

/* Has it a byte of zeros? */
static bool has_end(word bytes)
{
	const uint64_t each = 0x0101010101010101u;

	return (bytes - each) & ~bytes & (each << 7);
}

/* The length of a path, or one that is too long. Words that are aligned lie in one page
 * each. */
static size_t length_of(const char *path)
{
	const char *at = path;

	while ((uintptr_t)at % sizeof(word) && *at)
		at++;
	if (*at)
		while (at - path <= PATH_SIZE && !has_end(*(const word *)at))
			at += sizeof(word);
	while (at - path <= PATH_SIZE && *at)
		at++;
	return (size_t)(at - path);
}

static const struct prefixes no_rows = {.root_modes = PREFIX_ALL};

enum stub_verdict cvmfs_answer(struct stub_frame *frame, const struct request *request,
			       const struct place *start, const char *rest)
{
	struct walk_segment segments[SEGMENTS];
	const size_t len = length_of(rest);
	struct walk_world world;
	enum walk_end end;
	struct walk walk;

	world_fill(&world);
	world.prefixes = &no_rows;
	walk.room = (struct walk_room){.segments = segments, .count = SEGMENTS};
	/* The whole path may be too long with what comes before. */
	if (len + sizeof(PREFIX_REPOSITORIES) > PATH_SIZE ||
	    walk_start(&walk, &world, *start, rest, len) < 0)
		return STUB_SITE;
	walk.follow_last = request->follow;
	/* Each time a link is used up, of at most 40. */
	do
		end = walk_go(&walk);
	while (end == WALK_LEFT && comes_back(&walk));
	if (end == WALK_FOUND)
		return found(frame, request, &walk);
	if (end == WALK_ERRNO && !walk.damaged && walk.error != EIO)
		return stub_done(frame, -walk.error);
	return STUB_SITE;
}
