/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of a runtime's files: lines `x SIZE NAME` (it may be executed) or `r SIZE
 * NAME`, in the order of the archive, and `end`. */
#ifndef BUNDLE_MANIFEST_H
#define BUNDLE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#define MANIFEST_NAME "manifest"
enum { MANIFEST_MAX = 1024 * 1024 };

struct manifest_entry {
	bool is_program;
	uint64_t size;
	const char *name; /* relative, without "..", in the text */
};

/* Takes the first line off `text`, which is changed. 1; 0: that was the end; -EBADMSG.
 */
int manifest_next(char **text, struct manifest_entry *ret_entry);

#endif
