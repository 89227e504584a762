/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Variant symbolic links (docs/format.md 4.9). Freestanding. */
#ifndef PATH_VARIANT_H
#define PATH_VARIANT_H

#include <stddef.h>

/* Value of a variable; NULL if it is unset. `name` is not terminated. */
typedef const char *(*variant_value)(void *context, const char *name, size_t name_len,
				     size_t *ret_len);

/* Writes the expanded target; its length or -ENAMETOOLONG. `buffer` NULL: only that. */
int variant_expand(const char *target, size_t target_len, variant_value value,
		   void *context, char *buffer, size_t size);

#endif
