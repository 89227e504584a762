/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a walk has to know of /proc (proc(5)): its own links, and files whose text shows
 * what is ours. `dir` is an O_PATH descriptor of a directory of /proc. */
#ifndef SYSCALLS_PROCFS_H
#define SYSCALLS_PROCFS_H

#include "syscalls/target.h"

/* The text of /proc/self/fd/`fd`. Its length, or -1 and errno. */
ssize_t procfs_path_of(int fd, char *ret_path, size_t size);

/* /proc/self and /proc/thread-self mean the tracee, not us; other names as they are. */
const char *procfs_own_name(const struct tracee *tracee, const char *name, char *buffer,
			    size_t size);

/* Notes which of the tracee's own links it is: several entries may share an object.
 * Gives the link's path, "" if it has none. */
void procfs_note_magic(struct target *target, int dir, const char *name, char *ret_path,
		       size_t size);

/* Notes a file of /proc/PID that shows paths or mounts (decisions 15). */
void procfs_note_text(struct target *target, int dir, const char *name);

/* Only a privileged process may follow a link of /proc/PID/map_files; its text is a
 * path as the kernel has it. NULL: not one of our objects. */
const struct node *procfs_node_of_map(const struct run *run, int dir, const char *name);

#endif
