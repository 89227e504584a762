/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getdents64, getdents. A directory of /cvmfs is an empty real one; its listing comes
 * from the index and its position is the descriptor's own (tracer-design 9). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/mounts.h"
#include "syscalls/handlers.h"
#include "syscalls/listing.h"
#include "tracee/descriptors.h"
#include "syscalls/look.h"

enum { BLOCK = 32 * 1024 };

/* Records as the kernel lays them out (getdents(2)); `old`: without the "64". */
struct block {
	char bytes[BLOCK];
	size_t used, limit;
	bool old;
};

static bool block_add(struct block *block, const struct listing_item *item)
{
	size_t head = block->old ? 18 : 19;
	size_t size = (head + item->name_len + 1 + (block->old ? 1 : 0) + 7) & ~7ul;
	char *at = block->bytes + block->used;
	uint16_t reclen = (uint16_t)size;
	int64_t next = (int64_t)item->next;

	if (size > block->limit - block->used)
		return false;
	memset(at, 0, size);
	memcpy(at, &item->inode, 8);
	memcpy(at + 8, &next, 8);
	memcpy(at + 16, &reclen, 2);
	if (block->old)
		at[size - 1] = (char)item->type;
	else
		at[18] = (char)item->type;
	memcpy(at + head, item->name, item->name_len);
	block->used += size;
	return true;
}

/* A copy is the first thread's descriptor: another may have descriptors of its own, or
 * be the last one that is left. */
static bool is_its_own(const struct tracee *tracee, int fd, int copy)
{
	return copy >= 0 &&
	       syscall(SYS_kcmp, tracee->tid, getpid(), KCMP_FILE, fd, copy) == 0;
}

/* Sets the descriptor's position (or ASKs for it) by a copy, which shares it. The
 * position or a negative errno. */
enum { ASK = -1 };

static int64_t seek(struct tracee *tracee, int fd, int64_t to)
{
	struct process *process = tracee->process;
	int64_t result;
	int copy;

	if (process->pidfd == -1) {
		process->pidfd = (int)syscall(SYS_pidfd_open, process->tgid, 0);
		if (process->pidfd < 0)
			process->pidfd = -2;
	}
	if (process->pidfd < 0)
		return -ENOSYS;
	copy = (int)syscall(SYS_pidfd_getfd, process->pidfd, fd, 0);
	if (tracee->tid != process->tgid && !is_its_own(tracee, fd, copy)) {
		if (copy >= 0)
			close(copy);
		return -ENOSYS;
	}
	if (copy < 0)
		return -errno;
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

static enum verdict leave_seek(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	return tracee_finish(tracee,
			     result < 0 ? result : (int64_t)tracee->stop.note[0]);
}

static enum verdict end_at(struct tracee *tracee, int fd, int64_t position,
			   size_t bytes)
{
	if (seek(tracee, fd, position) >= 0)
		return tracee_answer(tracee, (int64_t)bytes);
	tracee->stop.note[0] = bytes;
	arch_set_number(&tracee->stop.regs, SYS_lseek);
	arch_set_argument(&tracee->stop.regs, 1, (uint64_t)position);
	arch_set_argument(&tracee->stop.regs, 2, SEEK_SET);
	tracee->stop.dirty = true;
	tracee->stop.leave = leave_seek;
	return VERDICT_AT_EXIT;
}

static enum verdict list_ours(struct target *target, int fd, bool old)
{
	struct tracee *tracee = target->view.tracee;
	uint64_t count = (uint32_t)tracee->stop.args[2];
	struct block block = {.limit = count < BLOCK ? count : BLOCK, .old = old};
	struct listing listing;
	struct listing_item item;
	enum walk_answer answer;
	int64_t position, start;

	if (target->walk.at.kind == PLACE_ENTRY && !S_ISDIR(target->walk.entry.mode))
		return VERDICT_PASS; /* ENOTDIR, or EBADF with O_PATH */
	start = seek(tracee, fd, ASK);
	if (start == -ENOSYS || start == -EPERM)
		start = descriptors_flags(tracee->tid, fd) & O_PATH
				? -EBADF
				: position_by_proc(tracee, fd);
	if (start < 0)
		return tracee_answer(tracee, start);
	position = start;
	answer = listing_start(&listing, target, (uint64_t)position);
	if (answer == WALK_UNKNOWN)
		return target_wait(target);
	if (answer != WALK_YES)
		return tracee_answer(tracee, -EIO);
	while (listing_next(&listing, &item)) {
		if (!block_add(&block, &item)) {
			if (!block.used)
				return tracee_answer(tracee, -EINVAL);
			break;
		}
		position = (int64_t)item.next;
	}
	if (tracee_write(tracee, tracee->stop.args[1], block.bytes, block.used) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (position == start)
		return tracee_answer(tracee, 0);
	return end_at(tracee, fd, position, block.used);
}

/* ---- the host's root shows cvmfs (decisions 10) ---- */

enum { ROOT_RECORD = 32 }; /* a record with the name "cvmfs", either layout */

static enum verdict leave_root(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);
	struct block block = {.limit = ROOT_RECORD, .old = tracee->stop.note[0]};
	struct listing_item item = {
		.inode = 1, .type = DT_DIR, .name = "cvmfs", .name_len = 5};

	(void)run;
	if (result <= 0)
		return tracee_finish(tracee, result);
	block_add(&block, &item);
	if (tracee_write(tracee, tracee->stop.args[1] + (uint64_t)result, block.bytes,
			 block.used) < 0)
		return tracee_finish(tracee, result);
	return tracee_finish(tracee, result + (int64_t)block.used);
}

static enum verdict list_host(struct run *run, struct tracee *tracee, int fd, bool old)
{
	uint64_t count = (uint32_t)tracee->stop.args[2];
	struct stat st;

	if (run->host_has_cvmfs || count < 4 * ROOT_RECORD)
		return VERDICT_PASS;
	if (look_inode(tracee, fd, &st) < 0 || st.st_dev != run->root_dev ||
	    st.st_ino != run->root_ino || position_by_proc(tracee, fd) != 0)
		return VERDICT_PASS;
	/* The kernel fills a little less, so that our record finds room at the end of
	 * the first block. */
	arch_set_argument(&tracee->stop.regs, 2, count - ROOT_RECORD);
	tracee->stop.dirty = true;
	tracee->stop.note[0] = old;
	tracee->stop.leave = leave_root;
	return VERDICT_AT_EXIT;
}

static enum verdict list(struct run *run, struct tracee *tracee, bool old)
{
	int fd = (int)tracee->stop.args[0];
	struct target target;

	target_of_descriptor(&target, run, tracee, fd);
	if (target.kind == TARGET_OURS)
		return list_ours(&target, fd, old);
	if (target.kind == TARGET_QUESTION)
		return target_wait(&target);
	return list_host(run, tracee, fd, old);
}

HANDLER(enter_getdents64)
{
	return list(run, tracee, false);
}

HANDLER(enter_getdents)
{
	return list(run, tracee, true);
}
