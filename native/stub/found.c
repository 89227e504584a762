/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stub/found.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/sysmacros.h>

#include "run/inscription.h"
#include "stub/object.h"

enum { OBJECT_MAY_WRITE = 0222, SKELETON_MODE = 0555 };

static bool is_object(uint64_t device, uint32_t mode)
{
	const struct stub_state *state = stub_state();

	for (int i = 0; i < STUB_DEVICES; i++)
		if (state->devices[i].number == device)
			return state->devices[i].all || !(mode & OBJECT_MAY_WRITE);
	return state->devices_full;
}

/* Nothing in our scratch can be written but a FIFO; what stands for a directory has
 * this mode. */
static bool is_of_scratch(uint32_t mode)
{
	if (S_ISDIR(mode))
		return (mode & 07777) == SKELETON_MODE;
	return S_ISREG(mode) ? !(mode & OBJECT_MAY_WRITE) : !S_ISLNK(mode);
}

/* In /proc, ours, or the root, in whose list /cvmfs is: perhaps. */
bool found_may_be_ours(uint64_t device, uint64_t inode, uint32_t mode)
{
	const struct stub_state *state = stub_state();

	if (device == state->proc_dev)
		return true;
	if (device == state->root_dev && inode == state->root_ino)
		return true;
	if (S_ISREG(mode) && is_object(device, mode))
		return true;
	return (device == state->scratch_dev[0] || device == state->scratch_dev[1]) &&
	       is_of_scratch(mode);
}

bool found_for_request(const struct request *request)
{
	const struct stat *st = request->st;
	const struct statx *stx = request->stx;

	if (st)
		return found_may_be_ours(st->st_dev, st->st_ino, st->st_mode);
	return found_may_be_ours(makedev(stx->stx_dev_major, stx->stx_dev_minor),
				 stx->stx_ino, stx->stx_mode);
}

/* By what a skeleton says of itself, or a copy of a twin. */
static bool read_inscribed(uint64_t device, uint32_t mode,
			   const struct timespec *written, struct place *ret_place)
{
	const struct stub_state *state = stub_state();
	struct inscription text;

	if ((mode & 07777) != SKELETON_MODE ||
	    (device != state->scratch_dev[0] && device != state->scratch_dev[1]) ||
	    !inscription_read(written, state->run, &text))
		return false;
	*ret_place = (struct place){PLACE_ENTRY, text.mount, text.catalog, text.entry};
	return true;
}

static bool read_place(const struct object_shown *shown, uint32_t mode,
		       struct place *ret_place)
{
	if (stub_state()->no_board)
		return false;
	if (S_ISDIR(mode))
		return read_inscribed(shown->dev, mode, &shown->written, ret_place);
	return S_ISREG(mode) &&
	       (object_place(shown, ret_place) ||
		read_inscribed(shown->dev, mode, &shown->written, ret_place));
}

static bool read_stat(const struct stat *st, struct place *ret_place)
{
	const struct object_shown shown = {st->st_dev, st->st_ino,
					   (uint64_t)st->st_size, st->st_mtim,
					   st->st_ctim};

	return read_place(&shown, st->st_mode, ret_place);
}

static bool look_at(int fd, struct stat *ret_stat)
{
	return stub_call(__NR_fstat, (uint64_t)(int64_t)fd, (uint64_t)ret_stat, 0, 0,
			 0) == 0;
}

/* Times that nobody asked for are not there (fill_mg_cmtime() of Linux' fs/stat.c). */
bool found_place_of(const struct request *request, struct place *ret_place)
{
	const uint32_t times = STATX_MTIME | STATX_CTIME;
	const struct statx *stx = request->stx;
	struct object_shown shown;
	struct stat st;

	if (request->st)
		return read_stat(request->st, ret_place);
	if ((stx->stx_mask & times) != times)
		return look_at(request->dirfd, &st) && read_stat(&st, ret_place);
	shown.dev = makedev(stx->stx_dev_major, stx->stx_dev_minor);
	shown.ino = stx->stx_ino;
	shown.size = stx->stx_size;
	shown.written.tv_sec = stx->stx_mtime.tv_sec;
	shown.written.tv_nsec = stx->stx_mtime.tv_nsec;
	shown.changed.tv_sec = stx->stx_ctime.tv_sec;
	shown.changed.tv_nsec = stx->stx_ctime.tv_nsec;
	return read_place(&shown, stx->stx_mode, ret_place);
}

static uint8_t *hint_of(int fd)
{
	return fd >= 0 && fd < STUB_HINTS ? &stub_state()->was_ours[fd] : NULL;
}

bool found_was_ours(int fd)
{
	const uint8_t *hint = hint_of(fd);

	return hint && *hint;
}

static enum found look(int fd, struct place *ret_place)
{
	struct stat st;

	/* What is not open is nobody's. */
	if (!look_at(fd, &st))
		return FOUND_HOST;
	if (!found_may_be_ours(st.st_dev, st.st_ino, st.st_mode))
		return FOUND_HOST;
	return S_ISDIR(st.st_mode) && read_stat(&st, ret_place) ? FOUND_PLACE
								: FOUND_UNKNOWN;
}

void found_note(int fd, bool is_ours)
{
	uint8_t *hint = hint_of(fd);

	if (hint && *hint != is_ours)
		*hint = is_ours;
}

enum found found_directory(int fd, struct place *ret_place)
{
	const enum found found = look(fd, ret_place);

	found_note(fd, found == FOUND_PLACE);
	return found;
}

bool found_link(const struct request *request)
{
	return S_ISLNK(request->st ? request->st->st_mode : request->stx->stx_mode);
}

bool found_descriptor(int fd)
{
	struct stat st;

	return stub_call(__NR_fstat, (uint64_t)(int64_t)fd, (uint64_t)&st, 0, 0, 0) ==
		       0 &&
	       found_may_be_ours(st.st_dev, st.st_ino, st.st_mode);
}

bool found_by_name(const struct request *request)
{
	struct stat st;
	long result = stub_call(__NR_newfstatat, (uint64_t)(int64_t)request->dirfd,
				(uint64_t)request->path, (uint64_t)&st,
				request->follow ? 0 : AT_SYMLINK_NOFOLLOW, 0);

	return result < 0 || found_may_be_ours(st.st_dev, st.st_ino, st.st_mode);
}
