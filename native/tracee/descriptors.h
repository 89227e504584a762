/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which descriptor was opened for which catalog entry. A note is only a
 * hint: it counts if the descriptor's inode is the object's. */
#ifndef TRACEE_DESCRIPTORS_H
#define TRACEE_DESCRIPTORS_H

#include "tracee/tracee.h"

struct descriptor_table *descriptors_create(void);
struct descriptor_table *descriptors_copy(const struct descriptor_table *table);
void descriptors_release(struct descriptor_table *table);

/* Notes fd; without memory the note is lost, which is allowed. */
void descriptors_note(struct descriptor_table *table, int fd, uint32_t mount,
		      uint32_t catalog, uint32_t entry);
const struct descriptor *descriptors_find(const struct descriptor_table *table, int fd);
void descriptors_dup(struct descriptor_table *table, int from, int to);

/* A duplicate of the tracee's own descriptor in this process, close-on-exec; -ENOSYS:
 * there is no way to one (pidfd_getfd, Linux 5.6; kcmp for other threads). */
int descriptors_duplicate(const struct tracee *tracee, int fd);
/* Whether they are one open file description; false where the kernel does not tell. */
bool descriptors_same(pid_t tid, int fd, int own);

/* Flags of open(2) that the tracee's descriptor has, O_CLOEXEC with them; 0: none. */
unsigned int descriptors_flags(pid_t tid, int fd);

#endif
