/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object is opened if the tracer has found it good, and it is still as it was; and
 * has an inode for one place alone (docs/decisions/0022). */
#include "stub/object.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shown/entry.h"
#include "stub/world.h"

static bool is_time(const struct timespec *time, int64_t seconds, uint32_t ns)
{
	return time->tv_sec == seconds && time->tv_nsec == (long)ns;
}

static bool is_it(const struct board_object *object, const struct stat *st)
{
	return st->st_ino == object->ino && st->st_dev == object->dev &&
	       (uint64_t)st->st_size == object->size && st->st_mode == object->mode &&
	       is_time(&st->st_mtim, object->written, object->written_ns) &&
	       (!object->is_shared ||
		is_time(&st->st_ctim, object->changed, object->changed_ns));
}

static const struct board_object *find(const struct place *place)
{
	const struct board *board = world_board();
	uint32_t at = board_slot(place->mount, place->catalog, place->entry,
				 BOARD_OBJECT_SLOTS);

	for (int probe = 0; probe < BOARD_PROBES; probe++) {
		uint32_t number =
			board->by_place[(at + (uint32_t)probe) % BOARD_OBJECT_SLOTS];
		const struct board_object *object;

		if (!number || number > BOARD_OBJECTS)
			break;
		object = &board->objects[number - 1];
		if (object->entry == place->entry &&
		    object->catalog == place->catalog && object->mount == place->mount)
			return object;
	}
	return NULL;
}

static char *put(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	*at = '\0';
	return at;
}

static long open_there(const struct board_object *object, uint64_t flags)
{
	char path[BOARD_PATH + BOARD_OBJECT + 1];
	char *end = put(path, world_board()->bases[object->base % BOARD_BASES]);

	*end++ = '/';
	put(end, object->name);
	return stub_call(__NR_openat, (uint64_t)AT_FDCWD, (uint64_t)path, flags, 0, 0);
}

enum stub_verdict object_open(struct stub_frame *frame, const struct request *request,
			      const struct walk *walk)
{
	const struct shown_mount shown = {.record = &world_mount(&walk->at)->record};
	const struct stub_state *state = stub_state();
	const struct board_object *object = find(&walk->at);
	struct stat st;
	long fd;

	if (!object || state->no_objects || (object->is_foreign && !state->watches) ||
	    request->flags & (O_NOATIME | O_DIRECTORY))
		return STUB_SITE;
	if (!(request->flags & O_PATH) &&
	    shown_access(&shown, &walk->entry, R_OK) != SHOWN_GRANTED)
		return STUB_SITE;
	fd = open_there(object, request->flags);
	if (fd < 0)
		return STUB_SITE;
	if (stub_call(__NR_fstat, (uint64_t)fd, (uint64_t)&st, 0, 0, 0) == 0 &&
	    is_it(object, &st))
		return stub_done(frame, fd);
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return STUB_SITE;
}

bool object_place(const struct object_shown *shown, struct place *ret_place)
{
	const struct board *board = world_board();
	uint32_t at = board_inode_slot(shown->ino);

	if (stub_state()->no_objects)
		return false;
	for (int probe = 0; probe < BOARD_PROBES; probe++) {
		uint32_t number =
			board->by_inode[(at + (uint32_t)probe) % BOARD_OBJECT_SLOTS];
		const struct board_object *object;

		if (!number || number > BOARD_OBJECTS)
			break;
		object = &board->objects[number - 1];
		if (object->ino != shown->ino || object->dev != shown->dev ||
		    object->size != shown->size ||
		    !is_time(&shown->written, object->written, object->written_ns))
			continue;
		*ret_place = (struct place){PLACE_ENTRY, object->mount, object->catalog,
					    object->entry};
		return true;
	}
	return false;
}
