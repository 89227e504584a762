/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at the host's files for one call. A file system that does not answer holds up
 * the call that asked, never the loop: what the kernel cannot say from memory about a
 * mount that may be slow is an errand (docs/decisions/0011). */
#ifndef SYSCALLS_LOOK_H
#define SYSCALLS_LOOK_H

#include <errno.h>

#include "run/errands.h"
#include "run/nodes.h"
#include "syscalls/view.h"

/* `view->question` has to be waited for; the call is decided again afterwards. */
enum { LOOK_WAITS = -EINPROGRESS };

/* openat2(2) for O_PATH descriptors: one of ours, LOOK_WAITS or a negative errno. */
int look_open(struct view *view, int dir, const char *path, uint64_t flags,
	      uint64_t resolve);
/* openat(2) for an O_PATH descriptor of "." or "..", or without Linux 5.6; a
 * descriptor or a negative errno. */
int look_at(const struct view *view, int dir, const char *path, int flags);
/* Makes sure that the head of the regular file `fd` (O_PATH) can be read without
 * waiting: 0 or LOOK_WAITS. */
int look_ahead(struct view *view, int fd);

enum look_plain { LOOK_PLAIN, LOOK_NOT_PLAIN, LOOK_QUESTION };
/* Has (dir, path) certainly nothing to do with /cvmfs? */
enum look_plain look_plain(struct view *view, int dir, const char *path, bool follow);

/* Device, inode, type and mtime as the kernel has them: the server of a network file
 * system is not asked, where statx is. 0 or a negative errno. */
int look_known(int fd, const char *path, int flags, struct stat *ret_stat);
/* The same of an open file. */
int look_stat(int fd, struct stat *ret_stat);
/* The node with this inode, or NULL; *ret_stat as of look_known(). */
const struct node *look_node(const struct run *run, int fd, const char *path, int flags,
			     struct stat *ret_stat);
bool look_is_root(const struct run *run, int fd);
bool look_is_proc(const struct run *run, int fd);

/* O_PATH descriptor of the tracee's directory: cwd for AT_FDCWD; negative errno. */
int look_directory(const struct tracee *tracee, int dirfd);
/* The same of the tracee's descriptor (or cwd) as look_stat(). */
int look_inode(const struct tracee *tracee, int dirfd, struct stat *ret_stat);
const struct node *look_inode_node(const struct run *run, const struct tracee *tracee,
				   int dirfd, struct stat *ret_stat);

/* True: the errand was done for this call, *ret_error is what came of it. False: the
 * call has to wait for view->question. Takes over the argument. */
bool look_errand(struct view *view, const struct errand *errand, int *ret_error);

#endif
