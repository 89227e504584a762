/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at one descriptor of a tracee. */
#ifndef TRACEE_DESCRIPTORS_H
#define TRACEE_DESCRIPTORS_H

#include "tracee/tracee.h"

/* A duplicate of the tracee's own descriptor in this process, close-on-exec; -ENOSYS:
 * there is no way to one (pidfd_getfd, Linux 5.6; kcmp for other threads). */
int descriptors_duplicate(const struct tracee *tracee, int fd);
/* Whether they are one open file description; false where the kernel does not tell. */
bool descriptors_same(pid_t tid, int fd, int own);

/* Flags of open(2) that the tracee's descriptor has, O_CLOEXEC with them; 0: none. */
unsigned int descriptors_flags(pid_t tid, int fd);

#endif
