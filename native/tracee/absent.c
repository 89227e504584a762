/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A page that is not there may be long in coming (a file of a server that does not
 * answer, a userfaultfd). /proc/PID/pagemap waits for nothing, so it is asked first;
 * what is missing is left to an errand. Between the two somebody may take a page away:
 * then the tracer waits, and front ends it if that does not end (launch/front.c). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/lookup.h"
#include "tracee/kernel.h"
#include "tracee/memory.h"
#include "tracee/tracee.h"

/* Made where a page is missing, used by one errand, kept with the call's errands. */
struct memory_access {
	uint64_t key;
	pid_t tid;
	int mem_fd; /* -1: process_vm_readv() will do */
	uint64_t address;
	size_t size;
	bool writing;
	ssize_t moved; /* or a negative errno */
	char bytes[];
};

/* Bits of an entry. Source: the kernel's Documentation/admin-guide/mm/pagemap.rst. */
static const uint64_t page_present = UINT64_C(1) << 63,
		      page_of_file = UINT64_C(1) << 61, /* or shared */
	page_is_watched = UINT64_C(1) << 57; /* userfaultfd sees to writing */

/* Kept open for this many address spaces, so that a job of thousands of processes does
 * not use up the tracer's descriptors. */
enum { MOST_PAGEMAPS = 64 };
static int pagemaps;

/* To be closed by the caller if it is not kept. */
static int pagemap_of(struct tracee *tracee)
{
	struct address_space *space = tracee->memory;
	char path[40];
	int fd;

	if (space->pagemap_fd != -1)
		return space->pagemap_fd;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", tracee->tid);
	fd = kernel_has(KERNEL_PAGEMAP) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) {
		space->pagemap_fd = -2;
	} else if (pagemaps < MOST_PAGEMAPS) {
		space->pagemap_fd = fd;
		pagemaps++;
	}
	return fd;
}

void memory_forget(struct address_space *space)
{
	if (space->mem_fd >= 0)
		close(space->mem_fd);
	if (space->pagemap_fd < 0)
		return;
	close(space->pagemap_fd);
	pagemaps--;
}

static bool may_wait(uint64_t page, bool writing)
{
	return !(page & page_present) ||
	       (writing && page & (page_of_file | page_is_watched));
}

/* One call of the kernel for each 64 pages. Writing to a file's page may ask its file
 * system; our own region is nobody's but ours. */
static bool are_there(int fd, uint64_t at, uint64_t last, bool writing)
{
	uint64_t pages[64];

	while (fd >= 0 && at <= last) {
		size_t count = last - at < 64 ? (size_t)(last - at) + 1 : 64;
		ssize_t got = pread(fd, pages, count * sizeof(*pages), (off_t)(at * 8));

		if (got < (ssize_t)sizeof(*pages))
			return got == 0; /* no program has an address there */
		count = (size_t)got / sizeof(*pages);
		for (size_t i = 0; i < count; i++)
			if (may_wait(pages[i], writing))
				return false;
		at += count;
	}
	return at > last;
}

static bool is_there(struct tracee *tracee, uint64_t address, size_t size, bool writing)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t at = address / page, last = (address + size - 1) / page;
	bool found;
	int fd;

	if (last < at || tracee_in_region(tracee->memory, address, size))
		return true;
	fd = pagemap_of(tracee);
	found = are_there(fd, at, last, writing);
	if (fd >= 0 && fd != tracee->memory->pagemap_fd)
		close(fd);
	return found;
}

bool tracee_is_there(struct tracee *tracee, uint64_t address, size_t size)
{
	return is_there(tracee, address, size, false);
}

static uint64_t key_of(uint64_t address, const void *buffer, size_t size, bool writing)
{
	uint64_t key = writing ? index_name_hash(buffer, size) : UINT64_C(0x4d454d);

	return (key ^ address) * UINT64_C(0x9e3779b97f4a7c15) + size * 2 + writing;
}

uint64_t memory_access_key(const struct memory_access *access)
{
	return access->key;
}

void memory_access_free(struct memory_access *access)
{
	if (access->mem_fd >= 0)
		close(access->mem_fd);
	free(access);
}

/* Of memory that no process has any more nothing can be read: 0 (fs/proc/base.c). */
static bool is_in_use(const struct memory_access *access)
{
	char byte;

	return pread(access->mem_fd, &byte, 1, (off_t)access->address) != 0;
}

void memory_access_do(struct memory_access *access)
{
	const struct memory_part part = {access->tid, access->address, access->bytes,
					 access->size, access->writing};

	if (access->mem_fd >= 0)
		access->moved = memory_move_permitted(access->mem_fd, &part);
	/* It does not wait for a userfaultfd, but fails; and if that memory has gone,
	 * the number may be another process's. */
	if (access->mem_fd < 0 || (access->moved == -EFAULT &&
				   kernel_has(KERNEL_PROCESS_VM) && is_in_use(access)))
		access->moved = memory_move_directly(&part);
	if (access->mem_fd >= 0)
		close(access->mem_fd);
	access->mem_fd = -1; /* what comes of it waits for the end of the call */
}

/* What an errand is to do; the first one of a decision. False: there is no other way
 * than to do it here. The descriptor and not the number writes: it stays with this very
 * memory, whoever has the number by then. */
static bool leave_to_errand(struct tracee *tracee, uint64_t address, const void *buffer,
			    size_t size, bool writing)
{
	struct memory_access *access;

	if (tracee->stop.absent)
		return true;
	access = malloc(sizeof(*access) + size);
	if (!access)
		return true; /* EFAULT is as good as any */
	*access = (struct memory_access){.key = key_of(address, buffer, size, writing),
					 .tid = tracee->tid,
					 .mem_fd = -1,
					 .address = address,
					 .size = size,
					 .writing = writing};
	if (writing)
		memcpy(access->bytes, buffer, size);
	if (writing || !kernel_has(KERNEL_PROCESS_VM)) {
		access->mem_fd = memory_open(tracee->tid);
		if (access->mem_fd < 0) {
			free(access);
			return false;
		}
	}
	tracee->stop.absent = access;
	return true;
}

/* True: an errand of this call has done it; false: that could not. */
static bool take_from_errand(const struct memory_access *access, void *buffer,
			     ssize_t *ret_moved)
{
	if (!access)
		return false;
	*ret_moved = access->moved;
	if (!access->writing && access->moved > 0)
		memcpy(buffer, access->bytes, (size_t)access->moved);
	return access->moved != -EPERM && access->moved != -ENOSYS &&
	       access->moved != -EBADF;
}

ssize_t memory_move(struct tracee *tracee, uint64_t address, void *buffer, size_t size,
		    bool writing)
{
	const struct errand_note *note;
	ssize_t moved;

	if (!tracee->stop.deciding || is_there(tracee, address, size, writing))
		return memory_move_now(tracee, address, buffer, size, writing);
	note = tracee_errand(tracee, key_of(address, buffer, size, writing));
	if (note && !note->id)
		return take_from_errand(note->result, buffer, &moved)
			       ? moved
			       : memory_move_now(tracee, address, buffer, size,
						 writing);
	return leave_to_errand(tracee, address, buffer, size, writing)
		       ? -EFAULT
		       : memory_move_now(tracee, address, buffer, size, writing);
}
