/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object is opened if the tracer has found it good, and it is still as it was; or if
 * it is in a cache as we, or others who are believed, have put it there. Either way its
 * inode stands for one place alone (docs/decisions/0022). */
#include "stub/object.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/objectname.h"
#include "owned/seal.h"
#include "run/inscription.h"
#include "shown/entry.h"
#include "stub/world.h"

/* No inode has this number. */
#define NOTE_BUSY UINT64_MAX

enum { COPY_MODE = 0555, COPY_NUMBERS = 32 };

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

/* ---- objects that the tracer has found good ---- */

static long open_at(uint32_t base, const char *name, uint64_t flags)
{
	char path[BOARD_PATH + BOARD_OBJECT + 1];
	char *end = put(path, world_board()->bases[base % BOARD_BASES]);

	*end++ = '/';
	put(end, name);
	return stub_call(__NR_openat, (uint64_t)AT_FDCWD, (uint64_t)path, flags, 0, 0);
}

static bool look_at(long fd, struct stat *ret_stat)
{
	return stub_call(__NR_fstat, (uint64_t)fd, (uint64_t)ret_stat, 0, 0, 0) == 0;
}

__attribute__((noinline)) static long open_told(const struct board_object *object,
						uint64_t flags)
{
	long fd = open_at(object->base, object->name, flags);
	struct stat st;

	if (fd < 0 || (look_at(fd, &st) && is_it(object, &st)))
		return fd;
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return -1;
}

static const struct board_object *find_told(const struct place *place)
{
	const struct board_object *object = find(place);

	return object && object->is_foreign && !stub_state()->watches ? NULL : object;
}

/* ---- objects that nobody was asked about ---- */

static bool is_owner(const struct board_cache *cache, uint32_t uid)
{
	for (uint32_t i = 0; i < cache->owner_count && i < BOARD_OWNERS; i++)
		if (cache->owners[i] == uid)
			return true;
	return false;
}

/* As run/alien.c has it, where files have no lists; everybody can execute it. */
static bool is_good_there(long fd, const struct stat *st)
{
	uint8_t head[OBJECTNAME_HEAD];
	long len;

	if (st->st_mode & (07000 | S_IWGRP | S_IWOTH) || (st->st_mode & 0555) != 0555)
		return false;
	len = stub_call(__NR_pread64, (uint64_t)fd, (uint64_t)head, sizeof(head), 0, 0);
	return len >= 0 && !interpose_may_be_stream(head, (size_t)len);
}

/* As run/objects.c believes what is in the private cache; of the directories the tracer
 * has seen that the owners alone decide what is in them. */
static bool is_good(const struct board_cache *cache,
		    const struct interpose_entry *entry, long fd, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_dev != cache->dev ||
	    !is_owner(cache, st->st_uid) || (uint64_t)st->st_size != entry->size)
		return false;
	return cache->is_foreign
		       ? is_good_there(fd, st)
		       : objectname_has_mode(entry, st->st_mode) && seal_holds(st);
}

static struct board *own_board(void)
{
	return (struct board *)((uintptr_t)stub_start + STUB_BOARD_AT);
}

static struct board_note *note_of(uint64_t ino)
{
	struct board_note *notes = own_board()->notes;

	return &notes[(ino * 0x9e3779b97f4a7c15ull >> 40) % BOARD_NOTES];
}

/* One thread writes at a time; what another would have noted is asked for later. */
static void note(const struct place *place, const struct stat *st)
{
	struct board_note *note = note_of(st->st_ino);
	uint64_t was = __atomic_load_n(&note->ino, __ATOMIC_RELAXED);

	if (was == NOTE_BUSY ||
	    !__atomic_compare_exchange_n(&note->ino, &was, NOTE_BUSY, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	note->dev = st->st_dev;
	note->size = (uint64_t)st->st_size;
	note->written = st->st_mtim.tv_sec;
	note->written_ns = (uint32_t)st->st_mtim.tv_nsec;
	note->changed = st->st_ctim.tv_sec;
	note->changed_ns = (uint32_t)st->st_ctim.tv_nsec;
	note->mount = place->mount;
	note->catalog = place->catalog;
	note->entry = place->entry;
	__atomic_store_n(&note->ino, st->st_ino, __ATOMIC_RELEASE);
}

/* An inode stands for one place: whatever was noted meanwhile for another one, the
 * number is that one's now. */
static bool noted_place(const struct object_shown *shown, struct place *ret_place)
{
	const struct board_note *note = note_of(shown->ino);
	bool same;

	if (__atomic_load_n(&note->ino, __ATOMIC_ACQUIRE) != shown->ino)
		return false;
	same = note->dev == shown->dev && note->size == shown->size &&
	       is_time(&shown->written, note->written, note->written_ns) &&
	       is_time(&shown->changed, note->changed, note->changed_ns);
	*ret_place =
		(struct place){PLACE_ENTRY, note->mount, note->catalog, note->entry};
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return same && __atomic_load_n(&note->ino, __ATOMIC_RELAXED) == shown->ino;
}

/* As run/alien.c has it of a directory, where files have no lists: its owner alone
 * decides what is in it. Of the way to it the tracer has seen that. */
__attribute__((noinline)) static bool is_guarded_folder(uint32_t number,
							unsigned int byte)
{
	static const char digits[] = "0123456789abcdef";
	const struct board_cache *cache = &world_board()->caches[number];
	char path[BOARD_PATH + 4];
	char *end = put(path, world_board()->bases[number]);
	struct stat st;
	bool good;
	long fd;

	*end++ = '/';
	*end++ = digits[byte >> 4];
	*end++ = digits[byte & 15];
	*end = '\0';
	fd = stub_call(__NR_openat, (uint64_t)AT_FDCWD, (uint64_t)path,
		       O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return false;
	good = look_at(fd, &st) && st.st_dev == cache->dev &&
	       is_owner(cache, st.st_uid) && !(st.st_mode & (S_IWGRP | S_IWOTH));
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return good;
}

static bool is_known_folder(uint32_t number, const struct interpose_entry *entry)
{
	const struct board_cache *cache = &world_board()->caches[number];
	const enum objectname_kind kind = objectname_kind(entry);
	const unsigned int byte = entry->digest[0];
	const uint8_t bit = (uint8_t)(1u << byte % 8);
	uint8_t *looked_at = &own_board()->looked_at[number][byte / 8];

	if (cache->folders[kind][byte / 8] & bit)
		return true;
	if (!cache->is_foreign || kind != OBJECTNAME_PACKED)
		return false;
	if (__atomic_load_n(looked_at, __ATOMIC_RELAXED) & bit)
		return true;
	if (!is_guarded_folder(number, byte))
		return false;
	__atomic_fetch_or(looked_at, bit, __ATOMIC_RELAXED);
	return true;
}

/* Its objects are used once a lock on one of them is seen by this run alone. */
static bool may_look_in(uint32_t number, const struct interpose_entry *entry)
{
	return (!world_board()->caches[number].is_foreign || stub_state()->watches) &&
	       is_known_folder(number, entry);
}

static long open_named(uint32_t base, const struct interpose_entry *entry,
		       uint64_t flags)
{
	char path[BOARD_PATH + OBJECTNAME_SIZE + 1];
	char *end = put(path, world_board()->bases[base]);

	*end++ = '/';
	objectname_write(entry, end);
	return stub_call(__NR_openat, (uint64_t)AT_FDCWD, (uint64_t)path, flags, 0, 0);
}

__attribute__((noinline)) static long open_in(uint32_t number, const struct walk *walk,
					      uint64_t flags)
{
	const struct board_cache *cache = &world_board()->caches[number];
	const long fd = open_named(number, &walk->entry, flags);
	struct stat st;

	if (fd < 0)
		return fd;
	if (look_at(fd, &st) && is_good(cache, &walk->entry, fd, &st)) {
		note(&walk->at, &st);
		return fd;
	}
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return -1;
}

__attribute__((noinline)) static long open_unasked(const struct walk *walk,
						   uint64_t flags)
{
	const struct board *board = world_board();
	const uint8_t *numbers = board->caches_of[walk->at.mount % BOARD_MOUNTS];
	long fd = -1;

	for (int i = 0; fd < 0 && i < BOARD_CACHES; i++)
		if (numbers[i] && numbers[i] <= BOARD_BASES &&
		    may_look_in(numbers[i] - 1u, &walk->entry))
			fd = open_in(numbers[i] - 1u, walk, flags);
	return fd;
}

/* ---- copies of twins ---- */

static char *put_number(char *at, uint32_t number)
{
	int digits = 1;

	while (digits < 8 && number >> 4 * digits)
		digits++;
	while (digits--) {
		const uint32_t digit = number >> 4 * digits & 15;

		*at++ = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
	return at;
}

static bool is_copy_of(const struct walk *walk, const struct stat *st)
{
	const struct stub_state *state = stub_state();
	struct inscription text;

	return st->st_mode == (S_IFREG | COPY_MODE) && st->st_uid == state->uid &&
	       st->st_dev == state->scratch_dev[1] &&
	       (uint64_t)st->st_size == walk->entry.size &&
	       inscription_read(&st->st_mtim, state->run, &text) &&
	       text.mount == walk->at.mount && text.catalog == walk->at.catalog &&
	       text.entry == walk->at.entry;
}

/* The kernel counts who has it open, and so does the tracer: not who has its name. */
__attribute__((noinline)) static long open_copy(const struct walk *walk, uint64_t flags)
{
	char path[STUB_PATH + COPY_NUMBERS];
	char *end = put(path, stub_state()->twins);
	struct stat st;
	long fd;

	if (end == path || flags & O_PATH)
		return -1;
	end = put_number(end, walk->at.mount);
	*end++ = '-';
	end = put_number(end, walk->at.catalog);
	*end++ = '-';
	*put_number(end, walk->at.entry) = '\0';
	fd = stub_call(__NR_openat, (uint64_t)AT_FDCWD, (uint64_t)path, flags, 0, 0);
	if (fd < 0 || (look_at(fd, &st) && is_copy_of(walk, &st)))
		return fd;
	stub_call(__NR_close, (uint64_t)fd, 0, 0, 0, 0);
	return -1;
}

/* ---- all ---- */

enum stub_verdict object_open(struct stub_frame *frame, const struct request *request,
			      const struct walk *walk)
{
	const struct shown_mount shown = {.record = &world_mount(&walk->at)->record};
	const bool unasked = world_unasked(&walk->at);
	const struct board_object *object = find_told(&walk->at);
	long fd = -1;

	if (stub_state()->no_objects || request->flags & (O_NOATIME | O_DIRECTORY))
		return STUB_SITE;
	if (!(request->flags & O_PATH) &&
	    shown_access(&shown, &walk->entry, R_OK) != SHOWN_GRANTED)
		return STUB_SITE;
	if (unasked)
		fd = open_unasked(walk, request->flags);
	if (fd < 0 && object)
		fd = open_told(object, request->flags);
	if (!unasked && !object)
		fd = open_copy(walk, request->flags);
	return fd < 0 ? STUB_SITE : stub_done(frame, fd);
}

static bool told_place(const struct object_shown *shown, struct place *ret_place)
{
	const struct board *board = world_board();
	uint32_t at = board_inode_slot(shown->ino);

	for (int probe = 0; probe < BOARD_PROBES; probe++) {
		uint32_t number =
			board->by_inode[(at + (uint32_t)probe) % BOARD_OBJECT_SLOTS];
		const struct board_object *object;

		if (!number || number > BOARD_OBJECTS)
			break;
		object = &board->objects[number - 1];
		if (object->ino != shown->ino || object->dev != shown->dev ||
		    object->size != shown->size ||
		    !is_time(&shown->written, object->written, object->written_ns) ||
		    !is_time(&shown->changed, object->changed, object->changed_ns))
			continue;
		*ret_place = (struct place){PLACE_ENTRY, object->mount, object->catalog,
					    object->entry};
		return true;
	}
	return false;
}

bool object_place(const struct object_shown *shown, struct place *ret_place)
{
	return !stub_state()->no_objects &&
	       (noted_place(shown, ret_place) || told_place(shown, ret_place));
}
