/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where calls are made in texts that former runs have read: one file of the private
 * cache, which never grows. It only says where to look: the bytes there are compared
 * before anything is patched, so neither damage nor another file of the same build-id
 * does harm. */
#ifndef FAST_MEMO_H
#define FAST_MEMO_H

#include "fast/texts.h"

enum { MEMO_SITES = 128 };

/* What a text is known by. */
struct memo_key {
	uint8_t build_id[20];
	uint32_t is_c_library;
	uint64_t offset, size;
	struct call_numbers numbers; /* that were looked for */
};

/* Where calls are made: offsets in the file of what is patched. */
struct memo_sites {
	uint32_t count;
	uint32_t execves; /* the one of them that calls execve(2); 0: none */
	uint32_t sites[MEMO_SITES];
};

struct memo;
/* `cache`: the private one; NULL: nothing is kept. NULL: the same, or no memory. */
struct memo *memo_create(const char *cache);
void memo_destroy(struct memo *memo);

/* False: it has no build-id, or one of Go's as well, or that cannot be told without
 * waiting. */
bool memo_key(struct tracee *tracee, const struct text *text,
	      const struct call_numbers *numbers, struct memo_key *ret_key);
/* False: it is not known. */
bool memo_find(struct memo *memo, const struct run *run, const struct memo_key *key,
	       struct memo_sites *ret_sites);
void memo_keep(struct memo *memo, const struct run *run, const struct memo_key *key,
	       const struct memo_sites *sites);

/* In the head of a file: the note that Go's linkers leave. */
bool memo_is_of_go(const uint8_t *head, size_t size);

#endif
