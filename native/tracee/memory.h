/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moving bytes between a tracee and us. All: bytes moved, which may be fewer than asked
 * for, or a negative errno. */
#ifndef TRACEE_MEMORY_H
#define TRACEE_MEMORY_H

#include "tracee/tracee.h"

/* absent.c: what tracee_read() and its like do. */
ssize_t memory_move(struct tracee *tracee, uint64_t address, void *buffer, size_t size,
		    bool writing);

/* At once, however long that takes. */
ssize_t memory_move_now(struct tracee *tracee, uint64_t address, void *buffer,
			size_t size, bool writing);
/* For any thread: process_vm_*; or `fd`, of memory_open(). */
struct memory_part {
	pid_t tid;
	uint64_t address;
	void *buffer;
	size_t size;
	bool writing;
};
ssize_t memory_move_directly(const struct memory_part *part);
ssize_t memory_move_permitted(int fd, const struct memory_part *part);
/* Closes what is kept open for it. */
void memory_forget(struct address_space *space);
/* /proc/TID/mem, or a negative errno. */
int memory_open(pid_t tid);

#endif
