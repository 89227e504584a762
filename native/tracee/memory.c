/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tracee's memory: process_vm_*, and /proc/PID/mem where these are forbidden. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tracee/kernel.h"
#include "tracee/memory.h"
#include "tracee/tracee.h"

/* Behind its code there is less than a page that nothing uses. */
enum { PAGE = 4096, VDSO_ROOM = TRACEE_VDSO_ROOM };

int memory_open(pid_t tid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == EROFS)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

static int mem_fd(struct tracee *tracee)
{
	int fd = tracee->memory->mem_fd;

	if (fd < 0)
		fd = memory_open(tracee->tid);
	if (fd >= 0)
		tracee->memory->mem_fd = fd;
	return fd;
}

ssize_t memory_move_directly(const struct memory_part *part)
{
	struct iovec local = {part->buffer, part->size};
	struct iovec remote = {(void *)(uintptr_t)part->address, part->size};
	ssize_t moved;

	if (!kernel_has(KERNEL_PROCESS_VM))
		return -ENOSYS;
	moved = part->writing ? process_vm_writev(part->tid, &local, 1, &remote, 1, 0)
			      : process_vm_readv(part->tid, &local, 1, &remote, 1, 0);
	return moved >= 0 ? moved : -errno;
}

/* One line of /proc/PID/maps: "FIRST-END MODE ..."; false if there is none. */
static bool parse_mapping(const char *line, uint64_t *ret_first, uint64_t *ret_end,
			  const char **ret_mode)
{
	char *rest;

	*ret_first = strtoull(line, &rest, 16);
	if (*rest != '-')
		return false;
	*ret_end = strtoull(rest + 1, &rest, 16);
	*ret_mode = rest + 1;
	return *rest == ' ' && strlen(rest) > 4;
}

/* /proc/PID/mem goes through any protection; the kernel in the job's place does not.
 * How many bytes from `address` on the job itself may read or write, at most `size`. */
static size_t permitted(pid_t tid, uint64_t address, size_t size, bool writing)
{
	uint64_t first, end, at = address;
	char line[4096 + 128];
	const char *mode;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/maps", tid);
	file = fopen(line, "re");
	if (!file)
		return 0;
	while (at < address + size && fgets(line, sizeof(line), file)) {
		if (!parse_mapping(line, &first, &end, &mode) || end <= at)
			continue;
		if (first > at || mode[writing] != (writing ? 'w' : 'r'))
			break;
		at = end;
	}
	fclose(file);
	return at - address < size ? (size_t)(at - address) : size;
}

/* Word by word, where /proc may only be read. */
static ssize_t poke(struct tracee *tracee, uint64_t address, const char *bytes,
		    size_t size)
{
	for (size_t done = 0; done < size;) {
		uint64_t at = address + done, word_at = at & ~(sizeof(long) - 1);
		size_t skip = (size_t)(at - word_at), part = sizeof(long) - skip;
		long word;

		if (part > size - done)
			part = size - done;
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, tracee->tid, word_at, 0);
		if (errno)
			return -errno;
		memcpy((char *)&word + skip, bytes + done, part);
		if (ptrace(PTRACE_POKEDATA, tracee->tid, word_at, word) < 0)
			return -errno;
		done += part;
	}
	return (ssize_t)size;
}

ssize_t memory_move_permitted(int fd, const struct memory_part *part)
{
	size_t size = permitted(part->tid, part->address, part->size, part->writing);
	ssize_t moved;

	if (size == 0)
		return -EFAULT;
	moved = part->writing ? pwrite(fd, part->buffer, size, (off_t)part->address)
			      : pread(fd, part->buffer, size, (off_t)part->address);
	return moved >= 0 ? moved : (errno == EIO ? -EFAULT : -errno);
}

static ssize_t move_by_proc(struct tracee *tracee, const struct memory_part *part)
{
	int fd = mem_fd(tracee);
	ssize_t moved;

	if (fd < 0)
		return fd;
	moved = memory_move_permitted(fd, part);
	/* It too goes through any protection. */
	if (moved == -EBADF && part->writing)
		return poke(tracee, part->address, part->buffer,
			    permitted(part->tid, part->address, part->size, true));
	return moved;
}

ssize_t memory_move_now(struct tracee *tracee, uint64_t address, void *buffer,
			size_t size, bool writing)
{
	const struct memory_part part = {tracee->tid, address, buffer, size, writing};
	ssize_t moved = memory_move_directly(&part);

	if (moved == -ENOSYS)
		kernel_has_not(KERNEL_PROCESS_VM);
	else if (moved != -EPERM)
		return moved;
	return move_by_proc(tracee, &part);
}

int tracee_read(struct tracee *tracee, uint64_t address, void *buffer, size_t size)
{
	ssize_t moved = size ? memory_move(tracee, address, buffer, size, false) : 0;

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
	const struct address_space *space = tracee->memory;
	ssize_t moved = size ? memory_move(tracee, address, u.buffer, size, true) : 0;

	if (moved == -EFAULT && space->borrowed &&
	    tracee_in_region(space, address, size))
		moved = poke(tracee, address, data, size);
	if (moved < 0)
		return (int)moved;
	return (size_t)moved == size ? 0 : -EFAULT;
}

int tracee_write_parts(struct tracee *tracee, const struct code_part *parts,
		       size_t count)
{
	int fd = count ? memory_open(tracee->tid) : -1;
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		const struct code_part *part = &parts[i];
		ssize_t moved = fd < 0 ? -1
				       : pwrite(fd, part->code, part->size,
						(off_t)part->address);

		/* proc_mem.force_override=never (Linux 6.12) leaves ptrace its rights.
		 */
		if (moved != (ssize_t)part->size)
			moved = poke(tracee, part->address, part->code, part->size);
		if (moved != (ssize_t)part->size)
			result = -EFAULT;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

int tracee_write_code(struct tracee *tracee, uint64_t address, const void *code,
		      size_t size)
{
	return tracee_write_parts(tracee, &(struct code_part){address, code, size}, 1);
}

uint64_t tracee_vdso_tail(struct tracee *tracee, uint64_t end)
{
	uint8_t last[VDSO_ROOM];

	/* The kernel's own memory: nobody has to be waited for. */
	if (!end || memory_move_now(tracee, end - VDSO_ROOM, last, sizeof(last),
				    false) != (ssize_t)sizeof(last))
		return 0;
	for (size_t i = 0; i < sizeof(last); i++)
		if (last[i])
			return 0;
	return end - VDSO_ROOM;
}

uint64_t tracee_vdso_room(struct tracee *tracee)
{
	uint64_t first, end = 0;
	char line[4096 + 128];
	const char *mode;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/maps", tracee->tid);
	file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, " 00:00 0 ") && strstr(line, "[vdso]") &&
		    parse_mapping(line, &first, &end, &mode))
			break;
		end = 0;
	}
	if (file)
		fclose(file);
	return tracee_vdso_tail(tracee, end);
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
		moved = memory_move(tracee, address + have, buffer + have, chunk,
				    false);
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
