/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is really executed: after all `#!` lines and loaders, wherever they lie. */
#ifndef EXEC_PROGRAM_H
#define EXEC_PROGRAM_H

#include "exec/binfmt.h"
#include "exec/image.h"
#include "find/target.h"

enum { EXEC_MAX_DEPTH = 5, EXEC_MAX_PREFIX = 2 * EXEC_MAX_DEPTH + 1 };

/* What execve() of one file comes to, after all `#!` lines (program.c). */
struct program {
	char path[TARGET_PATH_SIZE]; /* what the kernel is to execute */
	bool ours;	/* `path` or something on the way is not the host's */
	bool is_object; /* `path` stands for `place` */
	bool is_own;	/* `path` is in a cache or the scratch */
	char host_exe[TARGET_PATH_SIZE]; /* the host program that `path` is a copy of */
	struct place place;
	struct binfmt binfmt;
	/* To retry: TARGET_QUESTION's id; or the errno of the job. */
	uint32_t question;
	int error;
	/* Instead of argv[0] when there was a `#!`: interpreter, its argument, script;
	 * NUL-ended, one after the other. */
	uint32_t prefix_count;
	size_t prefix_len;
	char prefix[EXEC_MAX_PREFIX * EXEC_HEAD_SIZE + TARGET_PATH_SIZE];
};

/* A program's name: as it is opened, and as the program is told of it. */
struct name {
	int dirfd;
	const char *text, *shown;
	bool closes; /* by a descriptor that no interpreter of a script would find */
};

/* Finds the program behind `target` (of the call). 0: filled in; -1: `question` or
 * `error` is set; 1: the host's own business from end to end. */
int program_find(struct program *program, struct target *target,
		 const struct name *name);

/* 0, or the errno of executing what `target` (TARGET_OURS) is. */
int program_check(struct target *target);

#endif
