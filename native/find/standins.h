/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the scratch that stand for one of the host: the text of a file of /proc with
 * lines of ours, and a program that runs by an interpreter in /cvmfs. Whoever asks
 * about one is told of the other. */
#ifndef FIND_STANDINS_H
#define FIND_STANDINS_H

#include "find/target.h"

struct standin {
	uint64_t dev, ino; /* of the file in the scratch */
	struct timespec written;
	struct stat shown; /* of what it stands for */
	char path[TARGET_PATH_SIZE];
	char proc_file[64]; /* of a text, as in struct target; else "" */
};

/* Notes that `fd` stands for `path`, which is `shown`; proc_file: "" or a text's. */
void standins_note(struct run *run, int fd, const struct standin *like);
/* With this device, inode and mtime; NULL: none. Valid until the next one is noted. */
const struct standin *standins_find(const struct run *run, const struct stat *st);
/* O_PATH descriptor of what it stands for, if the tracee still finds it by that name;
 * negative otherwise: LOOK_WAITS, or, for who cannot wait, where that would be needed.
 */
int standins_open(struct call *call, const struct standin *standin, bool waits);
/* The same of whatever has this path of the tracee's, in which no link is. */
int standins_open_path(struct call *call, const char *path, bool waits);

#endif
