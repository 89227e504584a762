/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An executable file: its head, its interpreter, copies of it. */
#ifndef EXEC_IMAGE_H
#define EXEC_IMAGE_H

#include <sys/stat.h>

#include "find/target.h"

enum { EXEC_HEAD_SIZE = 256 };

/* What is known of an executable file, without asking its file system again. */
struct image {
	int error; /* positive errno: it cannot be read */
	int fd;	   /* for reading; -1 */
	struct stat st;
	bool may_execute;
	bool is_foreign; /* neither a machine's program of this kernel nor `#!` */
	char line[EXEC_HEAD_SIZE];
	char interpreter[TARGET_PATH_SIZE]; /* PT_INTERP of an ELF file, or "" */
};

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

#endif
