/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the text of a path tells. */
#ifndef STUB_HOSTPATH_H
#define STUB_HOSTPATH_H

#include <stdbool.h>
#include <stddef.h>

struct hostpath {
	bool dots;  /* has ".." in it, or "." before a slash or the end */
	bool cvmfs; /* begins so: without dots and links only its front can lead there
		     */
	bool proc;  /* likewise */
};

/* Whether `text` begins so. */
bool hostpath_begins(const char *text, const char *with);
/* False: longer than a path can be. */
bool hostpath_scan(const char *path, struct hostpath *ret_text);
/* An absolute path that leads neither to /cvmfs nor into /proc by its first bytes. */
bool hostpath_is_plain(const char *path);
/* A link's text that may be the real path of something of ours: in a scratch, or named
 * by a hash, or without a name. */
bool hostpath_names_ours(const char *text, size_t size);

#endif
