/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a walk has to know of /proc (proc(5)): its own links, and files whose text shows
 * what is ours. `dir` is an O_PATH descriptor of a directory of /proc. */
#ifndef FIND_PROCFS_H
#define FIND_PROCFS_H

#include "find/target.h"

/* The text of /proc/self/fd/`fd`. Its length, or -1 and errno. */
ssize_t procfs_path_of(int fd, char *ret_path, size_t size);
/* The same as the tracee would name it, whose root may be another mount than ours. */
ssize_t procfs_path_for(const struct run *run, struct tracee *tracee, int fd,
			char ret_path[TARGET_PATH_SIZE]);

/* What `name`, /proc/self or /proc/thread-self, means to the tracee; `name` itself if
 * this /proc does not show it. */
const char *procfs_own_name(const struct target *target, int dir, const char *name,
			    char *buffer, size_t size);

/* Notes which link of /proc/PID it is: a link of /cvmfs is opened by none else, and a
 * program may run from a copy. Gives the link's path, "" if it has none. */
void procfs_note_magic(struct target *target, int dir, const char *name,
		       char ret_path[TARGET_PATH_SIZE]);

/* Notes a file of /proc/PID that shows paths or mounts (docs/compatibility.md). */
void procfs_note_text(struct target *target, int dir, const char *name);

/* Only a privileged process may follow a link of /proc/PID/map_files; its text is a
 * path as the kernel has it. 1, that text and what it is; 0: no file; or LOOK_WAITS.
 */
int procfs_stat_of_map(struct call *call, int dir, const char *name,
		       char path[TARGET_PATH_SIZE], struct stat *ret_stat);

#endif
