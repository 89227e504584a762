/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tracee/descriptors.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "tracee/kernel.h"

/* Nobody holds more descriptors of /cvmfs than this and asks fstat for all of them; a
 * job cannot make the tracer grow without bound by dup2 to a huge number. */
enum { DESCRIPTORS_MAX = 1 << 16 };

struct descriptor_table *descriptors_create(void)
{
	struct descriptor_table *table = calloc(1, sizeof(*table));

	if (table)
		table->users = 1;
	return table;
}

struct descriptor_table *descriptors_copy(const struct descriptor_table *table)
{
	struct descriptor_table *copy = descriptors_create();
	size_t bytes = table->size * sizeof(*table->notes);

	if (!copy || !bytes)
		return copy;
	copy->notes = malloc(bytes);
	if (copy->notes) {
		memcpy(copy->notes, table->notes, bytes);
		copy->size = table->size;
	}
	return copy;
}

void descriptors_release(struct descriptor_table *table)
{
	if (!table || --table->users > 0)
		return;
	free(table->notes);
	free(table);
}

static struct descriptor *slot(struct descriptor_table *table, int fd)
{
	struct descriptor *notes;
	uint32_t size = table->size ? table->size : 16;

	if (fd < 0 || fd >= DESCRIPTORS_MAX)
		return NULL;
	if ((uint32_t)fd < table->size)
		return &table->notes[fd];
	while (size <= (uint32_t)fd)
		size *= 2;
	notes = realloc(table->notes, size * sizeof(*notes));
	if (!notes)
		return NULL;
	memset(notes + table->size, 0, (size - table->size) * sizeof(*notes));
	table->notes = notes;
	table->size = size;
	return &table->notes[fd];
}

void descriptors_note(struct descriptor_table *table, int fd, uint32_t mount,
		      uint32_t catalog, uint32_t entry)
{
	struct descriptor *note = slot(table, fd);

	if (note)
		*note = (struct descriptor){mount, catalog, entry, true};
}

const struct descriptor *descriptors_find(const struct descriptor_table *table, int fd)
{
	if (fd < 0 || (uint32_t)fd >= table->size || !table->notes[fd].used)
		return NULL;
	return &table->notes[fd];
}

void descriptors_dup(struct descriptor_table *table, int from, int to)
{
	const struct descriptor *found = descriptors_find(table, from);
	struct descriptor copy;
	struct descriptor *note;

	if (!found) {
		if (to >= 0 && (uint32_t)to < table->size)
			table->notes[to].used = false;
		return;
	}
	copy = *found;
	note = slot(table, to);
	if (note)
		*note = copy;
}

bool descriptors_same(pid_t tid, int fd, int own)
{
	return syscall(SYS_kcmp, tid, getpid(), KCMP_FILE, fd, own) == 0;
}

int descriptors_duplicate(const struct tracee *tracee, int fd)
{
	struct process *process = tracee->process;
	int copy;

	if (!kernel_has(KERNEL_PIDFD_GETFD))
		return -ENOSYS;
	if (process->pidfd == -1) {
		process->pidfd = (int)syscall(SYS_pidfd_open, process->tgid, 0);
		if (process->pidfd < 0)
			process->pidfd = -2;
	}
	if (process->pidfd < 0)
		return -ENOSYS;
	copy = (int)syscall(SYS_pidfd_getfd, process->pidfd, fd, 0);
	if (copy < 0 && errno == ENOSYS)
		kernel_has_not(KERNEL_PIDFD_GETFD);
	/* It is the first thread's: another may have descriptors of its own, or be the
	 * last one that is left. */
	if (tracee->tid == process->tgid ||
	    (copy >= 0 && descriptors_same(tracee->tid, fd, copy)))
		return copy < 0 ? -errno : copy;
	if (copy >= 0)
		close(copy);
	return -ENOSYS;
}

unsigned int descriptors_flags(pid_t tid, int fd)
{
	char path[64], line[128];
	unsigned int flags = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", tid, fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file) &&
	       sscanf(line, "flags: %o", &flags) != 1)
		;
	fclose(file);
	return flags;
}
