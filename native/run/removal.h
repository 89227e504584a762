/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removes a directory with all that is in it, also what a job made unreadable. Follows
 * no links, leaves no file system, and changes nothing by a name that was looked at. */
#ifndef RUN_REMOVAL_H
#define RUN_REMOVAL_H

#include <sys/types.h>

/* Of what an O_PATH descriptor holds, whatever its name means by now. 0 or a negative
 * errno. */
int removal_set_mode(int fd, mode_t mode);
/* A directory of ours, open for reading; -1 and errno. */
int removal_open_directory(int parent, const char *name);
/* Empties the directory `fd` and removes it as `name` of `parent`. The file `last` in
 * it goes last, so that another process can finish what is interrupted here. 0 or a
 * negative errno. */
int removal_of_tree(int parent, const char *name, int fd, const char *last);

#endif
