/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getdents64, getdents. A directory of /cvmfs is an empty real one; its listing comes
 * from the index and its position is the descriptor's own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "find/look.h"
#include "run/broken.h"
#include "run/mounts.h"
#include "syscalls/handlers.h"
#include "shown/dirent.h"
#include "syscalls/listing.h"
#include "tracee/descriptors.h"
#include "tracee/kernel.h"

enum { BLOCK = 32 * 1024 };

struct block {
	char bytes[BLOCK];
	struct dirents records;
};

static void block_init(struct block *block, size_t limit, struct dirent_layout layout)
{
	block->records = (struct dirents){.bytes = block->bytes,
					  .limit = limit < BLOCK ? limit : BLOCK,
					  .layout = layout};
}

/* Sets the descriptor's position (or ASKs for it) by a copy, which shares it. The
 * position or a negative errno. */
enum { ASK = -1 };

static int64_t seek(const struct tracee *tracee, int fd, int64_t to)
{
	int copy = descriptors_duplicate(tracee, fd);
	int64_t result;

	if (copy < 0)
		return copy;
	result = to == ASK ? lseek(copy, 0, SEEK_CUR) : lseek(copy, to, SEEK_SET);
	if (result < 0)
		result = -errno;
	close(copy);
	return result;
}

/* Without pidfd_getfd (before Linux 5.6): what /proc says, and an lseek of its own. */
static int64_t position_by_proc(struct tracee *tracee, int fd)
{
	char path[64], line[64];
	long long position = -EBADF;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", tracee->tid, fd);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file) ||
	    sscanf(line, "pos: %lld", &position) != 1)
		position = -EBADF;
	fclose(file);
	return position;
}

static int64_t position_of(struct tracee *tracee, int fd)
{
	int64_t position = seek(tracee, fd, ASK);

	if (position != -ENOSYS && position != -EPERM)
		return position;
	return descriptors_flags(tracee->tid, fd) & O_PATH
		       ? -EBADF
		       : position_by_proc(tracee, fd);
}

static enum verdict leave_seek(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	return tracee_finish(tracee,
			     result < 0 ? result : (int64_t)tracee->stop.note[0]);
}

static enum verdict end_at(const struct target *target, int fd, int64_t position,
			   size_t bytes)
{
	struct tracee *tracee = target->call.tracee;

	/* What was listed may be wrong; it is again, if the position stays. */
	if (!mounts_are_whole(target->call.run->mounts)) {
		broken_tell(target->call.run, BROKEN_INDEX, "a listing", 0);
		return tracee_answer(tracee, -EIO);
	}
	if (seek(tracee, fd, position) >= 0)
		return tracee_answer(tracee, (int64_t)bytes);
	tracee->stop.note[0] = bytes;
	arch_set_argument(&tracee->stop.regs, 1, (uint64_t)position);
	arch_set_argument(&tracee->stop.regs, 2, SEEK_SET);
	return tracee_call_instead(tracee, ARCH_LSEEK, leave_seek);
}

static enum verdict list_ours(struct target *target, int fd,
			      struct dirent_layout layout)
{
	struct tracee *tracee = target->call.tracee;
	uint64_t count = (uint32_t)tracee->stop.args[2];
	struct block block;
	struct listing listing;
	struct dirent_item item;
	enum walk_answer answer;
	int64_t position, start;

	if (target->walk.at.kind == PLACE_ENTRY && !S_ISDIR(target->walk.entry.mode))
		return VERDICT_PASS; /* ENOTDIR, or EBADF with O_PATH */
	block_init(&block, count, layout);
	start = position_of(tracee, fd);
	if (start < 0)
		return tracee_answer(tracee, start);
	position = start;
	answer = listing_start(&listing, target, (uint64_t)position);
	if (answer == WALK_UNKNOWN)
		return target_wait(target);
	if (answer != WALK_YES)
		return tracee_answer(tracee, -EIO);
	while (listing_next(&listing, &item)) {
		if (!dirents_add(&block.records, &item)) {
			if (!block.records.used)
				return tracee_answer(tracee, -EINVAL);
			break;
		}
		position = (int64_t)item.next;
	}
	if (tracee_write(tracee, tracee->stop.args[1], block.bytes,
			 block.records.used) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (position == start)
		return tracee_answer(tracee, 0);
	return end_at(target, fd, position, block.records.used);
}

/* ---- a directory of the host shows names of rows that it has not ---- */

enum { NAMES_SIZE = 4096 };

/* Adds those of this directory. False: they need more room. */
static bool add_names(const struct run *run, const struct stat *directory,
		      struct dirents *records)
{
	for (size_t i = 0; i < run->prefixes.count; i++) {
		const struct prefix *row = &run->prefixes.rows[i];
		struct dirent_item item = {.inode = 1,
					   .type = row->kind == PREFIX_TOP ? DT_DIR
									   : DT_UNKNOWN,
					   .name = row->name,
					   .name_len = row->name_len};

		if (!row->on_host && row->dev == directory->st_dev &&
		    row->ino == directory->st_ino && !dirents_add(records, &item))
			return false;
	}
	return true;
}

static enum verdict leave_host(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);
	struct block block;
	struct stat st;

	if (result <= 0 || look_inode(tracee, (int)tracee->stop.args[0], &st) < 0)
		return tracee_finish(tracee, result);
	block_init(&block, NAMES_SIZE,
		   (struct dirent_layout){(uint8_t)tracee->stop.note[0],
					  (bool)tracee->stop.note[1]});
	add_names(run, &st, &block.records);
	if (tracee_write(tracee, tracee->stop.args[1] + (uint64_t)result, block.bytes,
			 block.records.used) < 0)
		return tracee_finish(tracee, result);
	return tracee_finish(tracee, result + (int64_t)block.records.used);
}

static enum verdict list_host(struct run *run, struct tracee *tracee, int fd,
			      struct dirent_layout layout)
{
	uint64_t count = (uint32_t)tracee->stop.args[2];
	size_t used;
	struct block block;
	struct stat st;

	block_init(&block, NAMES_SIZE, layout);
	if (!run->prefixes.unseen || look_inode(tracee, fd, &st) < 0 ||
	    !add_names(run, &st, &block.records))
		return VERDICT_PASS;
	used = block.records.used;
	if (!used || count < 4 * used || position_by_proc(tracee, fd) != 0)
		return VERDICT_PASS;
	/* The kernel fills a little less, so that our records find room at the end of
	 * the first block. */
	arch_set_argument(&tracee->stop.regs, 2, count - used);
	tracee->stop.dirty = true;
	tracee->stop.note[0] = layout.word;
	tracee->stop.note[1] = layout.type_last;
	tracee->stop.leave = leave_host;
	return VERDICT_AT_EXIT;
}

static enum verdict list(struct run *run, struct tracee *tracee,
			 struct dirent_layout layout)
{
	int fd = (int)tracee->stop.args[0];
	struct target target;

	target_of_descriptor(&target, run, tracee, fd);
	if (target.kind == TARGET_OURS)
		return list_ours(&target, fd, layout);
	if (target.kind == TARGET_QUESTION)
		return target_wait(&target);
	return list_host(run, tracee, fd, layout);
}

HANDLER(enter_getdents64)
{
	return list(run, tracee, dirent_64);
}

HANDLER(enter_getdents)
{
	return list(run, tracee, dirent_old);
}

HANDLER(enter_getdents_i386)
{
	return list(run, tracee, dirent_i386);
}

/* One record: struct old_linux_dirent of Linux' fs/readdir.c. */
static int write_one(struct tracee *tracee, const struct dirent_item *item)
{
	char record[10 + 256] = {0};
	uint16_t len = (uint16_t)item->name_len;
	uint32_t position = (uint32_t)item->next - 1;

	memcpy(record, &item->inode, 4);
	memcpy(record + 4, &position, 4);
	memcpy(record + 8, &len, 2);
	memcpy(record + 10, item->name, len < 255 ? len : 255);
	return tracee_write(tracee, tracee->stop.args[1], record, 10 + len + 1u);
}

/* i386's readdir(2), before getdents: the host's root is left as it is. */
HANDLER(enter_readdir)
{
	int fd = (int)tracee->stop.args[0];
	struct target target;
	struct listing listing;
	struct dirent_item item;
	int64_t position;

	target_of_descriptor(&target, run, tracee, fd);
	if (target.kind != TARGET_OURS ||
	    (target.walk.at.kind == PLACE_ENTRY && !S_ISDIR(target.walk.entry.mode)))
		return VERDICT_PASS;
	position = position_of(tracee, fd);
	if (position < 0)
		return tracee_answer(tracee, position);
	switch (listing_start(&listing, &target, (uint64_t)position)) {
	case WALK_UNKNOWN:
		return target_wait(&target);
	case WALK_YES:
		break;
	default:
		return tracee_answer(tracee, -EIO);
	}
	if (!listing_next(&listing, &item))
		return tracee_answer(tracee, 0);
	if (write_one(tracee, &item) < 0)
		return tracee_answer(tracee, -EFAULT);
	return end_at(&target, fd, (int64_t)item.next, 1);
}
