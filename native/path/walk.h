/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A path walk below /cvmfs as a kernel with a mount there would do it: "..", symbolic
 * links, nested catalogs, search permission. Freestanding: no I/O, no allocation. */
#ifndef PATH_WALK_H
#define PATH_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/lookup.h"
#include "interpose.h"
#include "path/prefix.h"

enum {
	WALK_MAX_LINKS = 40, /* and as many names that rows stand for */
	WALK_NAME_MAX = 255,
	WALK_TARGET_MAX = 4096, /* of one link, expanded */
	/* With so many no walk wants more: the path, each link, and two for each row.
	 */
	WALK_SEGMENTS = 1 + WALK_MAX_LINKS + 2 * WALK_MAX_LINKS
};

/* A part of what is still before a walk, where it lies: in the caller's path, in an
 * index, in a row. Between two segments is a slash. */
struct walk_segment {
	const char *at, *end;
};

/* What the caller lends a walk. */
struct walk_room {
	struct walk_segment *segments;
	char *text; /* for texts of links that lie nowhere else; NULL: none */
	uint32_t count, text_size;
};

/* The text of a link. */
struct walk_text {
	const char *bytes;
	size_t len;
	char *room; /* `size` bytes: text that lies nowhere else goes to their end */
	size_t size;
};

/* How far the segments have been walked: of the uppermost one `at` is left. */
struct walk_rest {
	const char *at;
	uint32_t depth;
};

enum place_kind {
	PLACE_HOST,  /* outside /cvmfs */
	PLACE_TOP,   /* /cvmfs itself */
	PLACE_ENTRY, /* an entry of a catalog */
};

/* Where something is. A nested catalog's root is named by the row of its parent
 * catalog, so that every place has one name; only the repository's root is entry 0. */
struct place {
	enum place_kind kind;
	uint32_t mount, catalog, entry;
};

enum walk_answer { WALK_YES, WALK_NO, WALK_UNKNOWN, WALK_BROKEN, WALK_HOSTS };

/* What a walk has to ask. YES: the ret_ values are set. NO: there is no such thing.
 * UNKNOWN: not loaded; the callee knows what to ask for. BROKEN: EIO. HOSTS, of a
 * mount: it is left to the host. */
struct walk_world {
	void *context;
	const struct prefixes *prefixes;
	/* Whether `place` is called so, below the repositories. */
	bool (*is_called)(void *context, const struct place *place, const char *path);
	enum walk_answer (*mount)(void *context, const char *name, size_t name_len,
				  uint32_t *ret_mount);
	const struct index_map *(*catalog)(void *context, uint32_t mount,
					   uint32_t catalog);
	/* The catalog that hangs at a nested mount point. */
	enum walk_answer (*nested)(void *context, const struct place *mountpoint,
				   uint32_t *ret_catalog);
	/* Where a catalog other than the root catalog hangs. */
	struct place (*mountpoint)(void *context, uint32_t mount, uint32_t catalog);
	enum walk_answer (*may_search)(void *context, const struct place *directory,
				       const struct interpose_entry *entry);
	/* Whether the link in `directory` may be followed where a path ends. Asked of a
	 * directory alone that all may write, with the sticky bit. */
	enum walk_answer (*may_follow)(void *context, const struct place *directory,
				       const struct interpose_entry *directory_entry,
				       const struct place *link,
				       const struct interpose_entry *entry);
	/* Sets bytes and len of *text: the link's target, with variables expanded,
	 * which stays there as long as the walk. NO: it does not fit. */
	enum walk_answer (*target)(void *context, const struct place *link,
				   const struct interpose_entry *entry,
				   struct walk_text *text);
};

enum walk_end {
	WALK_FOUND,    /* `at` and `entry` are what the path names */
	WALK_ERRNO,    /* `error`; `missing_last`: only the last name is missing */
	WALK_QUESTION, /* the world said UNKNOWN: ask, then walk again from the start */
	WALK_LEFT,     /* it goes on at the host's root, with the rest */
	WALK_BEYOND,   /* it wants more room than it was lent; `error`: ENAMETOOLONG */
};

/* What slashes at the end mean: "name/" asks for a directory; a call that makes a name
 * looks at the name alone (filename_create), open(O_CREAT) refuses them with EISDIR. */
enum walk_slash { WALK_SLASH_DIRECTORY, WALK_SLASH_IGNORED, WALK_SLASH_REFUSED };

/* What openat2(2) promises about the way, by the bits of its RESOLVE_*. */
enum walk_promise {
	WALK_NO_XDEV = 1,
	WALK_NO_MAGIC = 2,
	WALK_NO_LINKS = 4,
	WALK_BENEATH = 8,
	WALK_IN_ROOT = 16,
	WALK_SCOPED = WALK_BENEATH | WALK_IN_ROOT
};

struct walk {
	const struct walk_world *world;
	struct place start; /* which BENEATH and IN_ROOT do not leave; HOST: its root */
	unsigned int promises;	      /* enum walk_promise */
	struct place at;	      /* where the walk is, or has ended */
	struct place parent;	      /* with missing_last, or of a found last name */
	struct interpose_entry entry; /* of `at`, for PLACE_ENTRY */
	int error;		      /* positive errno */
	int links;		      /* links followed so far, host links included */
	int replaced;		      /* names that a row stood for */
	unsigned int modes;	      /* enum prefix_mode: what the rows let be done */
	struct walk_room room;	      /* the caller's; set before walk_start() */
	struct walk_rest rest;
	uint32_t taken; /* number of the segment of the name just taken */
	/* The catalog that was asked for last. */
	const struct index_map *map;
	uint32_t map_mount, map_catalog;
	/* Segments from this number on are what a row stands for, and rows are not
	 * asked again; UINT32_MAX: none. */
	uint32_t settled;
	bool follow_last;
	bool parent_only; /* end in the directory of the last name, `last` */
	bool missing_last;
	bool damaged;	  /* an EIO of the index itself, which nobody has told */
	bool last_is_dot; /* the path ends in "." or ".." (or is a root) */
	bool trailing_slash;
	enum walk_slash slash;
	/* With parent_only: where it lies, as long as that lasts; NULL: no name. */
	const char *last;
	size_t last_len;
};

/* Starts at `at` with `path` (without its NUL), which must outlive the walk.
 * -ENAMETOOLONG if it is too long. */
int walk_start(struct walk *walk, const struct walk_world *world, struct place at,
	       const char *path, size_t path_len);
/* Goes on until an end is reached. Call with `at` below or at /cvmfs. */
enum walk_end walk_go(struct walk *walk);

void walk_skip_slashes(struct walk *walk);
/* Takes the next name off the rest; false at the end. `last`: nothing follows but "/".
 * The name is good until something is put in front of the rest. */
bool walk_next(struct walk *walk, const char **ret_name, size_t *ret_len,
	       bool *ret_last);
/* Room for the text of a link. */
struct walk_text walk_free_room(struct walk *walk);
/* Puts a link's target in front of the rest, where it lies. -ELOOP after 40, or
 * -ENAMETOOLONG: there is no room for it. */
int walk_push(struct walk *walk, const char *target, size_t target_len);
/* The same with text that does not stay where it is. */
int walk_push_copy(struct walk *walk, const char *target, size_t target_len);

/* The row for `name`, just taken, of those on the host or below the repositories: the
 * next one after `row`. */
const struct prefix *walk_row(const struct walk *walk, const struct prefix *row,
			      bool below_repositories, const char *name, size_t len);
/* Puts the row's target in the place of the name just taken, and of those that come
 * with it in the row. As walk_push(). */
int walk_replace(struct walk *walk, const struct prefix *row);
/* Puts the name just taken back, as one of `directory` that rows are not asked for. As
 * walk_push(). */
int walk_put_back(struct walk *walk, const char *directory, const char *name,
		  size_t len);

/* Whether a link that is the last name is followed. */
bool walk_follows_last(const struct walk *walk);

/* The parent directory of a place; of PLACE_TOP: PLACE_HOST (the host's root). */
enum walk_answer place_parent(const struct walk_world *world, const struct place *place,
			      struct place *ret_parent);
bool place_equal(const struct place *a, const struct place *b);

#endif
