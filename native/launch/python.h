/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Python of this program: that of the installation, or the one that is packed
 * behind it (native/bundle). */
#ifndef LAUNCH_PYTHON_H
#define LAUNCH_PYTHON_H

#include <limits.h>
#include <stdbool.h>

struct python {
	char path[PATH_MAX]; /* to be executed */
	/* Where the packed one may be unpacked; "" and NULL: not there. */
	char cache[PATH_MAX];
	const char *scratch;
};

/* Is this the one-file bundle? */
bool python_is_packed(void);
/* The interpreter beside this program, else that of the sibling script
 * interpose-python; in the bundle this program itself. `cache`: what an option names,
 * or NULL; `scratch` is not copied. 0; -ENOENT: there is none. */
int python_find(const char *cache, const char *scratch, struct python *ret_python);
/* What to execute python->path with, so that it is an isolated Python with these
 * arguments; the words are not copied. To be freed; NULL: no memory. */
char **python_words(struct python *python, char *const arguments[]);
/* Was the bundle started by python_words()? */
bool python_is_called(int argc, char **argv);
/* Becomes its Python; returns the exit status only if that fails. */
int python_become(char **argv);

#endif
