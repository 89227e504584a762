/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that only an interpreter of binfmt_misc can run: it is told a name. */
#ifndef EXEC_BINFMT_H
#define EXEC_BINFMT_H

#include "find/target.h"

struct image;
struct program;

/* A program of another machine than this one. */
struct binfmt {
	char called[TARGET_PATH_SIZE]; /* as an interpreter is told; "": not foreign */
	uint64_t dev, ino;
};

/* Notes what `image` is, and gives it a path that ends as `called` does. */
void binfmt_find(struct program *program, const struct target *target,
		 const struct image *image, const char *called);
/* At the exec event: has an interpreter been started for it? It learns the name then.
 */
bool binfmt_tell(struct tracee *tracee, const struct binfmt *binfmt);

#endif
