/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mount files that an earlier job with the same settings left: a repository is open
 * without a resolver (a warm job needs no Python; docs/decisions/0009). */
#ifndef RUN_KEPT_H
#define RUN_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interpose.h"

/* Settings that decide what is opened: the same texts, the same directory. */
struct kept_key {
	uint64_t high, low;
};

void kept_key_init(struct kept_key *key);
void kept_key_add(struct kept_key *key, const char *text);
/* Variables that configuration reads. */
bool kept_is_setting(const char *variable);
/* True if what the text means may depend on the working directory. */
bool kept_is_relative(const char *text);
/* BASE/kept/<32 digits>; 0 or -ENAMETOOLONG. */
int kept_directory(const struct kept_key *key, const char *base, char *ret_path,
		   size_t size);

/* True if a whole record still holds: in time, and all that it was made of is
 * unchanged. */
bool kept_is_valid(const struct interpose_mount *record, size_t size);

#endif
