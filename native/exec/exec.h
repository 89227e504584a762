/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execve: what is really executed, and what the program is told about itself. */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include <sys/stat.h>

#include "find/target.h"

enum {
	EXEC_HEAD_SIZE = 256,
	EXEC_MAX_DEPTH = 5,
	EXEC_MAX_PREFIX = 2 * EXEC_MAX_DEPTH + 1
};

/* A program that is none of this machine's. */
struct foreign {
	char called[TARGET_PATH_SIZE]; /* as an interpreter is told; "": not foreign */
	uint64_t dev, ino;
};

/* What execve() of one file comes to, after all `#!` lines (program.c). */
struct program {
	char path[TARGET_PATH_SIZE]; /* what the kernel is to execute */
	bool ours;	/* `path` or something on the way is not the host's */
	bool is_object; /* `path` stands for `place` */
	bool is_own;	/* `path` is in a cache or the scratch */
	char host_exe[TARGET_PATH_SIZE]; /* the host program that `path` is a copy of */
	struct place place;
	struct foreign foreign;
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

HANDLER(enter_execve);
HANDLER(enter_execveat);

/* Finds the program behind `target` (of the call). 0: filled in; -1: `question` or
 * `error` is set; 1: the host's own business from end to end. */
int program_find(struct program *program, struct target *target,
		 const struct name *name);

/* 0, or the errno of executing what `target` (TARGET_OURS) is. */
int program_check(struct target *target);

/* What is known of an executable file, without asking its file system again. */
struct image {
	int error; /* positive errno: it cannot be read */
	int fd;	   /* for reading; -1 */
	struct stat st;
	bool may_execute;
	bool foreign; /* neither a machine's program of this kernel nor `#!` */
	char line[EXEC_HEAD_SIZE];
	char interpreter[TARGET_PATH_SIZE]; /* PT_INTERP of an ELF file, or "" */
};

/* image.c */
/* Opens what `file` (O_PATH) is for reading, if it is a regular file (opening a device
 * or FIFO would do something): 0 with image->error or all of the rest, or LOOK_WAITS.
 */
int image_open(struct call *call, int file, struct image *ret_image);
void image_close(struct image *image);
/* Interpreter and argument of a `#!` line as load_script() of Linux parses it; 0, or
 * -ENOEXEC or -EACCES, or 1: no such line. `line` has EXEC_HEAD_SIZE bytes,
 * zero-filled, and is changed; the results point into it. */
int image_script(char *line, const char **ret_interpreter, const char **ret_argument);
/* A copy in the scratch whose PT_INTERP is `interpreter`. 0, LOOK_WAITS or a negative
 * errno. */
int image_copy(struct call *call, const struct image *image, const char *interpreter,
	       char *ret_path, size_t size);

/* foreign.c: notes what `image` is, and gives it a path that ends as `called` does. */
void foreign_find(struct program *program, const struct target *target,
		  const struct image *image, const char *called);
/* At the exec event: has an interpreter been started for it? It learns the name then.
 */
bool foreign_tell(struct tracee *tracee, const struct foreign *foreign);

/* What execve() left for its event: the name to tell, NULL: none; and /proc/self/exe.
 */
const char *exec_shown(const struct tracee *tracee);
/* The name for comm, in the text `shown` or of its own. */
const char *exec_comm(const struct tracee *tracee);
int exec_take_identity(struct tracee *tracee);
/* At the exec event and when a tracee is gone. */
enum verdict exec_event(struct run *run, struct tracee *tracee);
void exec_forget(struct tracee *tracee);

#endif
