/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of prefixes: names that stand for something else than what the host has
 * there (docs/decisions/0017). Freestanding; run/prefixes.c fills it. */
#ifndef PATH_PREFIX_H
#define PATH_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where repositories appear: the table's first row, unless another one takes its place.
 */
#define PREFIX_REPOSITORIES "/cvmfs"

enum prefix_kind {
	PREFIX_TOP,    /* repositories by their names */
	PREFIX_INSIDE, /* `target` is a path below the repositories */
	PREFIX_HOST,   /* `target` is a path of the host */
	PREFIX_MODES,  /* what is there anyhow, with modes */
	PREFIX_DENY,
	PREFIX_ENOENT
};

enum prefix_mode {
	PREFIX_EXECUTE = 1,
	PREFIX_WRITE = 2,
	PREFIX_READ = 4,
	PREFIX_ALL = 7
};

struct prefix {
	enum prefix_kind kind;
	unsigned int modes; /* enum prefix_mode */
	const char *path;   /* as it was given, without needless slashes */
	const char *target; /* INSIDE: without the first row's path */
	/* A name in a directory, and the names below it that come with it because no
	 * directory of the host has them: "b" and "c/d" of "/a/b/c/d". */
	const char *name, *below;
	size_t name_len;
	const char
		*directory; /* INSIDE's text of it; NULL: it is the host's, that is */
	uint64_t dev, ino;
	const char *host_path; /* canonical; "" if it is below the repositories */
	bool on_host;	       /* the host has that name, too */
};

/* `rows` is in the order in which a directory is asked for a name. */
struct prefixes {
	struct prefix *rows;
	size_t count, below_repositories,
		unseen;		  /* unseen: not on_host, to be listed */
	const struct prefix *top; /* the row of kind TOP; NULL: none */
	unsigned int root_modes;  /* of what no row has */
	bool others;		  /* rows on the host that are not `top` */
	bool rules;  /* some row denies something: where a walk begins matters */
	bool leaves; /* something below the repositories may be the host's */
};

/* The next row after `row` (NULL: the first) with this name on the host, or below the
 * repositories. NULL: no more. */
const struct prefix *prefix_named(const struct prefixes *prefixes,
				  const struct prefix *row, bool below_repositories,
				  const char *name, size_t name_len);
/* Whether the next one of the names `*below` is this; *below is then what follows. */
bool prefix_goes_on(const char **below, const char *name, size_t name_len);
/* May a row other than `top` be met on this path of the host, if no link is on it? */
bool prefix_may_be_met(const struct prefixes *prefixes, const char *path);
/* What holds at a path of the host that no link is on, or below the repositories, by
 * where it is or where a row leads; NULL: root_modes. */
const struct prefix *prefix_around(const struct prefixes *prefixes, const char *path);
/* The rest of `path` behind `prefix` ("" or "/..."), or NULL. */
const char *prefix_rest(const char *path, const char *prefix);

#endif
