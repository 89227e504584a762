/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A skeleton says in its time of change which directory it stands for
 * (run/inscription.h). One with a name of its own is made, inscribed while nobody else
 * knows it, and then gets the name at which all look for it: one of a bounded number,
 * from which another skeleton goes away. Who has that one open keeps it. Where there is
 * none it is made at that name. */
#include "stub/directory.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/inscription.h"
#include "shown/entry.h"
#include "shown/list.h"
#include "stub/cvmfs.h"
#include "stub/found.h"
#include "stub/world.h"

enum { SKELETON_MODE = 0555, MOST_BYTES = 1 << 20 };

/* Names in the folder of skeletons: a few digits that all can reckon, or many that
 * nobody else has. */
struct name {
	char path[STUB_PATH + 20];
};

static void set_name(struct name *name, uint64_t number)
{
	const char *folder = stub_state()->skeletons;
	char *at = name->path;

	while (*folder)
		*at++ = *folder++;
	do {
		*at++ = (char)('a' + (number & 15));
		number >>= 4;
	} while (number);
	*at = '\0';
}

static uint64_t known_number(const struct place *place)
{
	uint64_t hash = ((uint64_t)place->catalog << 32 | place->entry) ^
			(uint64_t)place->mount << 56;

	hash *= 0x9e3779b97f4a7c15ull;
	return (hash >> 32) % STUB_SKELETONS;
}

static uint64_t own_number(const struct stub_frame *frame)
{
	return (__builtin_ia32_rdtsc() ^ (uint64_t)(uintptr_t)frame << 16) | 1ull << 63;
}

static long call_at(long number, const struct name *name, uint64_t argument)
{
	return stub_call(number, (uint64_t)AT_FDCWD, (uint64_t)name->path, argument, 0,
			 0);
}

/* Opens it with the program's flags: a descriptor of just this directory, or negative.
 */
static long open_as(const struct name *name, const struct request *request,
		    const struct place *place)
{
	long fd = call_at(__NR_openat, name, request->flags);
	struct place found;

	if (fd < 0)
		return fd;
	if (found_directory((int)fd, &found) == FOUND_PLACE &&
	    place_equal(&found, place))
		return fd;
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return -ENOENT;
}

/* By name, or without one what is open. */
static bool inscribe(int fd, const struct name *name, const struct place *place)
{
	const struct inscription text = {stub_state()->run, place->mount,
					 place->catalog, place->entry};
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

	times[1] = inscription_write(&text);
	return inscription_fits(&text) &&
	       stub_call(__NR_utimensat, (uint64_t)(int64_t)fd,
			 name ? (uint64_t)name->path : 0, (uint64_t)times,
			 name ? AT_SYMLINK_NOFOLLOW : 0, 0) == 0;
}

/* A skeleton's mode, and nothing said yet. */
static bool is_blank(int fd)
{
	struct stat st;
	struct inscription text;

	return stub_call(__NR_fstat, (uint64_t)(int64_t)fd, (uint64_t)&st, 0, 0, 0) ==
		       0 &&
	       st.st_mode == (S_IFDIR | SKELETON_MODE) &&
	       !inscription_read(&st.st_mtim, stub_state()->run, &text);
}

/* Where nobody has the known name yet. Who has made what is blank is the only one to
 * inscribe it; what others put in its place is not blank. */
__attribute__((noinline)) static long make_known(const struct name *known,
						 const struct request *request,
						 const struct place *place)
{
	long fd;

	if (request->flags & O_PATH || call_at(__NR_mkdirat, known, SKELETON_MODE) < 0)
		return -1;
	fd = call_at(__NR_openat, known, request->flags);
	if (fd < 0)
		return fd;
	if (is_blank((int)fd) && inscribe((int)fd, NULL, place)) {
		found_note((int)fd, true);
		return fd;
	}
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return -1;
}

__attribute__((noinline)) static long make(const struct name *known,
					   const struct request *request,
					   const struct place *place, uint64_t number)
{
	struct name name;
	long fd = -1;

	set_name(&name, number);
	if (call_at(__NR_mkdirat, &name, SKELETON_MODE) < 0)
		return -1;
	if (inscribe(AT_FDCWD, &name, place))
		fd = open_as(&name, request, place);
	/* The program's umask has taken something. */
	if (fd == -ENOENT && call_at(__NR_fchmodat, &name, SKELETON_MODE) == 0)
		fd = open_as(&name, request, place);
	if (fd < 0 || stub_call(__NR_renameat, (uint64_t)AT_FDCWD, (uint64_t)name.path,
				(uint64_t)AT_FDCWD, (uint64_t)known->path, 0) < 0)
		call_at(__NR_unlinkat, &name, AT_REMOVEDIR);
	return fd;
}

enum stub_verdict directory_open(struct stub_frame *frame,
				 const struct request *request, const struct walk *walk)
{
	const struct shown_mount shown = {.record = &world_mount(&walk->at)->record};
	struct name known;
	long fd;

	if (!stub_state()->skeletons[0] || request->flags & O_NOATIME)
		return STUB_SITE;
	if (!(request->flags & O_PATH) &&
	    shown_access(&shown, &walk->entry, R_OK) != SHOWN_GRANTED)
		return STUB_SITE;
	set_name(&known, known_number(&walk->at));
	fd = open_as(&known, request, &walk->at);
	if (fd == -ENOENT)
		fd = make_known(&known, request, &walk->at);
	if (fd == -1)
		fd = make(&known, request, &walk->at, own_number(frame));
	return fd < 0 ? STUB_SITE : stub_done(frame, fd);
}

/* ---- listing ---- */

static long seek(const struct stub_frame *frame, uint64_t to, int whence)
{
	return stub_call(__NR_lseek, frame->rdi, to, (uint64_t)whence, 0, 0);
}

/* Number of a directory as it is shown. */
static uint64_t inode_of(const struct walk_world *world, const struct place *place)
{
	struct interpose_entry entry;
	const struct index_map *map;

	if (place->kind != PLACE_ENTRY)
		return 1; /* of the directory above the repositories */
	map = world->catalog(world->context, place->mount, place->catalog);
	return map && index_entry(map, place->entry, &entry) == 0
		       ? world_inode(place, &entry)
		       : 0;
}

/* False: not all of it is known here. */
static bool start(struct shown_list *list, const struct place *place)
{
	struct place inside = *place, above = *place;
	struct interpose_entry entry;
	struct walk_world world;
	const struct index_map *map;

	world_fill(&world);
	map = world.catalog(NULL, place->mount, place->catalog);
	if (!map || index_entry(map, place->entry, &entry) < 0)
		return false;
	if (list->position < 2) {
		if (place_parent(&world, place, &above) != WALK_YES)
			return false;
		list->itself = world_inode(place, &entry);
		list->above = inode_of(&world, &above);
		if (!list->itself || !list->above)
			return false;
	}
	if (entry.flags & INTERPOSE_ENTRY_NESTED) {
		if (world.nested(NULL, place, &inside.catalog) != WALK_YES)
			return false;
		inside.entry = 0;
		map = world.catalog(NULL, place->mount, inside.catalog);
		if (!map || index_entry(map, 0, &entry) < 0)
			return false;
	}
	shown_list_start(list, map, &entry);
	list->inode_base = world_inode_base(&inside);
	return true;
}

static enum stub_verdict fill(struct stub_frame *frame, struct shown_list *list)
{
	struct dirents records = {.bytes = (char *)frame->rsi, .layout = dirent_64};
	uint64_t position = list->position;
	struct dirent_item item;

	if (position >= 2 + (uint64_t)list->count)
		return stub_done(frame, 0);
	records.limit =
		(uint32_t)frame->rdx < MOST_BYTES ? (uint32_t)frame->rdx : MOST_BYTES;
	while (shown_list_next(list, &item)) {
		if (!dirents_add(&records, &item))
			break;
		position = item.next;
	}
	/* There is no room for the first one, or it is damaged. */
	if (!records.used)
		return STUB_SITE;
	return seek(frame, position, SEEK_SET) < 0
		       ? STUB_SITE
		       : stub_done(frame, (long)records.used);
}

enum stub_verdict directory_list(struct stub_frame *frame)
{
	struct shown_list list = {0};
	struct place place;
	long position;

	switch (found_directory((int)frame->rdi, &place)) {
	case FOUND_HOST:
		return stub_done(frame, stub_same_call(frame));
	case FOUND_PLACE:
		break;
	default:
		return STUB_SITE;
	}
	position = seek(frame, 0, SEEK_CUR);
	if (position < 0 || request_is_absurd(frame->rsi))
		return STUB_SITE;
	list.position = (uint64_t)position;
	return start(&list, &place) ? fill(frame, &list) : STUB_SITE;
}
