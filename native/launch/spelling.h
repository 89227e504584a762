/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far two words are from each other. */
#ifndef LAUNCH_SPELLING_H
#define LAUNCH_SPELLING_H

#include <stddef.h>

enum { SPELLING_MAX = 32 };

/* Letters that have to be changed, added, taken away or swapped with the next one;
 * SPELLING_MAX for words that are longer than that. */
size_t spelling_distance(const char *one, size_t one_len, const char *other);

#endif
