/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands behind the program in the one-file bundle: a Python of its own. Not
 * linked into an installation, which has a Python beside it. */
#ifndef BUNDLE_BUNDLE_H
#define BUNDLE_BUNDLE_H

#include <stddef.h>

/* Where the packed Python may be unpacked, in this order; NULL: not there. */
struct bundle_places {
	const char *cache;   /* the private cache's directory, perhaps not made yet */
	const char *scratch; /* one of this run alone */
};

/* Becomes the packed Python with these arguments and this environment, unpacking it
 * first where that was not done yet. Returns only if that fails; then `complaint` says
 * why. */
void bundle_become(const struct bundle_places *places, char *const arguments[],
		   char *const environment[], char *complaint, size_t size)
	__attribute__((weak));

#endif
