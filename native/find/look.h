/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at the host's files for one call. A file system that does not answer holds up
 * the call that asked, never the loop: what the kernel cannot say from memory about a
 * mount that may be slow is an errand (docs/decisions/0011). */
#ifndef FIND_LOOK_H
#define FIND_LOOK_H

#include "find/call.h"
#include "find/errand.h"
#include "run/nodes.h"

enum { LOOK_LINK_SIZE = 4096 };

/* openat2(2) for O_PATH descriptors: one of ours, LOOK_WAITS or a negative errno. */
int look_open(struct call *call, int dir, const char *path, uint64_t flags,
	      uint64_t resolve);
/* The same without an errand: -EAGAIN where one would be sent. */
int look_open_at_once(const struct call *call, int dir, const char *path,
		      uint64_t flags, uint64_t resolve);
/* The text of the link `fd` (O_PATH): its length, LOOK_WAITS or a negative errno. */
ssize_t look_link(struct call *call, int fd, char text[LOOK_LINK_SIZE]);
/* May its file system have to be asked, and not answer? */
bool look_may_wait(const struct call *call, int fd);

enum look_plain { LOOK_PLAIN, LOOK_NOT_PLAIN, LOOK_QUESTION };
/* Has (dir, path) certainly nothing to do with /cvmfs? */
enum look_plain look_plain(struct call *call, int dir, const char *path, bool follow);

/* Device, inode, type and mtime as the kernel has them: the server of a network file
 * system is not asked, where statx is. 0 or a negative errno. */
int look_known(int fd, const char *path, int flags, struct stat *ret_stat);
/* The same of an open file. */
int look_stat(int fd, struct stat *ret_stat);
/* The node of an open file, "" and `fd` or a link of /proc to it; or NULL. *ret_stat as
 * of look_known(). */
const struct node *look_node(const struct run *run, int fd, const char *path, int flags,
			     struct stat *ret_stat);
/* The same of what look_known() has said. */
const struct node *look_node_of(const struct run *run, const struct stat *st);
/* Of a file that the kernel calls `name`: a stub may have opened it unasked. */
const struct node *look_node_called(const struct run *run, const struct stat *st,
				    const char *name, size_t len);
bool look_is_root(const struct run *run, int fd);
bool look_is_proc(const struct run *run, int fd);

/* O_PATH descriptor of the tracee's directory: cwd for AT_FDCWD; negative errno. */
int look_directory(const struct tracee *tracee, int dirfd);
/* The same of the tracee's descriptor (or cwd) as look_stat(). */
int look_inode(const struct tracee *tracee, int dirfd, struct stat *ret_stat);
const struct node *look_inode_node(const struct run *run, const struct tracee *tracee,
				   int dirfd, struct stat *ret_stat);

#endif
