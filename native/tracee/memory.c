/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tracee's memory: process_vm_*, and /proc/PID/mem where these are forbidden. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tracee/tracee.h"

enum { PAGE = 4096 };

static int mem_fd(struct tracee *tracee)
{
	char path[32];

	if (tracee->memory->mem_fd >= 0)
		return tracee->memory->mem_fd;
	snprintf(path, sizeof(path), "/proc/%d/mem", tracee->tid);
	tracee->memory->mem_fd = open(path, O_RDWR | O_CLOEXEC);
	return tracee->memory->mem_fd >= 0 ? tracee->memory->mem_fd : -errno;
}

/* Bytes moved, which may be fewer than asked for; or a negative errno. */
static ssize_t move(struct tracee *tracee, uint64_t address, void *buffer, size_t size,
		    bool writing)
{
	struct iovec local = {buffer, size};
	struct iovec remote = {(void *)(uintptr_t)address, size};
	ssize_t moved =
		writing ? process_vm_writev(tracee->tid, &local, 1, &remote, 1, 0)
			: process_vm_readv(tracee->tid, &local, 1, &remote, 1, 0);
	int fd;

	if (moved >= 0)
		return moved;
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	fd = mem_fd(tracee);
	if (fd < 0)
		return fd;
	moved = writing ? pwrite(fd, buffer, size, (off_t)address)
			: pread(fd, buffer, size, (off_t)address);
	return moved >= 0 ? moved : (errno == EIO ? -EFAULT : -errno);
}

int tracee_read(struct tracee *tracee, uint64_t address, void *buffer, size_t size)
{
	ssize_t moved = size ? move(tracee, address, buffer, size, false) : 0;

	if (moved < 0)
		return (int)moved;
	return (size_t)moved == size ? 0 : -EFAULT;
}

int tracee_write(struct tracee *tracee, uint64_t address, const void *data, size_t size)
{
	/* The iovec of process_vm_writev is not const although nothing is changed. */
	union {
		const void *from;
		void *buffer;
	} u = {.from = data};
	ssize_t moved = size ? move(tracee, address, u.buffer, size, true) : 0;

	if (moved < 0)
		return (int)moved;
	return (size_t)moved == size ? 0 : -EFAULT;
}

int tracee_read_string(struct tracee *tracee, uint64_t address, char *buffer,
		       size_t size)
{
	size_t have = 0;

	while (have < size) {
		/* Never past the page: the next one may be unmapped. Short first, as
		 * most paths are. */
		size_t chunk = PAGE - (address + have) % PAGE;
		ssize_t moved;
		char *end;

		if (have == 0 && chunk > 256)
			chunk = 256;
		if (chunk > size - have)
			chunk = size - have;
		moved = move(tracee, address + have, buffer + have, chunk, false);
		if (moved <= 0)
			return moved < 0 ? (int)moved : -EFAULT;
		end = memchr(buffer + have, '\0', (size_t)moved);
		if (end)
			return (int)(end - buffer);
		have += (size_t)moved;
	}
	return -ENAMETOOLONG;
}

enum { POINTERS_AT_ONCE = 128 };

int tracee_write_pointers(struct tracee *tracee, uint64_t address,
			  const uint64_t *pointers, size_t count)
{
	uint32_t narrow[POINTERS_AT_ONCE];
	size_t part;
	int result = 0;

	if (arch_pointer_size(&tracee->stop.regs) == sizeof(*pointers))
		return tracee_write(tracee, address, pointers,
				    count * sizeof(*pointers));
	for (; count && result == 0; count -= part, pointers += part) {
		part = count < POINTERS_AT_ONCE ? count : POINTERS_AT_ONCE;
		for (size_t i = 0; i < part; i++)
			narrow[i] = (uint32_t)pointers[i];
		result = tracee_write(tracee, address, narrow, part * sizeof(*narrow));
		address += part * sizeof(*narrow);
	}
	return result;
}

int tracee_read_pointers(struct tracee *tracee, uint64_t address, uint64_t *pointers,
			 size_t count)
{
	uint32_t narrow[POINTERS_AT_ONCE];
	size_t part;
	int result = 0;

	if (arch_pointer_size(&tracee->stop.regs) == sizeof(*pointers))
		return tracee_read(tracee, address, pointers,
				   count * sizeof(*pointers));
	for (; count && result == 0; count -= part, pointers += part) {
		part = count < POINTERS_AT_ONCE ? count : POINTERS_AT_ONCE;
		result = tracee_read(tracee, address, narrow, part * sizeof(*narrow));
		for (size_t i = 0; i < part; i++)
			pointers[i] = narrow[i];
		address += part * sizeof(*narrow);
	}
	return result;
}
