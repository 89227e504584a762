/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mapped program text, and where in it calls are made. */
#ifndef FAST_TEXTS_H
#define FAST_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "find/call.h"

/* One executable mapping of a file. */
struct text {
	uint64_t first, end, offset;
	uint64_t dev, ino; /* as /proc/PID/maps has them */
	bool is_c_library; /* by its name */
};

/* What is mapped in a stopped process. */
struct texts {
	struct text *list;
	size_t count;
	uint64_t gap;	   /* a free place for the stub; 0: none */
	uint64_t vdso_end; /* 0: it has none */
};

/* `near`: the gap is to be in reach of this address. 0 or a negative errno; more
 * mappings than a program usually has are -E2BIG. */
int texts_read(const struct tracee *tracee, uint64_t near, struct texts *ret_texts);
void texts_deinit(struct texts *texts);
const struct text *texts_find(const struct texts *texts, uint64_t address);

/* Offsets in one file at which a call begins with a mov of five bytes. */
struct recipe {
	uint64_t dev, ino;
	uint32_t *sites;
	size_t count;
	bool is_go;	  /* nothing of it is patched */
	uint32_t execves; /* the one of them that calls execve(2); 0: none */
};

/* Of the calls whose places are patched: a bit for each number. */
struct call_numbers {
	uint64_t bits[8];
	uint32_t led; /* the one of them that is made at a gate; 0: none */
	uint32_t reserved;
};

/* How a call has its number: in the mov before it, or from the stack. */
enum site_kind { SITE_NONE, SITE_NUMBER, SITE_STACK };

struct recipes;
/* `cache`: where the node keeps what it has read; NULL: nowhere. */
struct recipes *recipes_create(const struct call_numbers *numbers, const char *cache);
void recipes_destroy(struct recipes *recipes);
/* NULL: not read yet. */
const struct recipe *recipes_find(struct recipes *recipes, const struct text *text);
/* An errand of the call reads the whole text. 0: it is there; LOOK_WAITS; or a negative
 * errno. */
int recipes_read(struct recipes *recipes, struct call *call, const struct text *text);
/* One site more of a file that has been read, or was too large for that. */
void recipes_learn(struct recipes *recipes, const struct text *text, uint32_t site,
		   enum site_kind kind);

/* A call: SITE_BYTES of text, of which the last two are the instruction. Is it one that
 * the stub can take over, by the five bytes before that? */
enum { SITE_MOV = 5, SITE_CALL = 2, SITE_BYTES = 15 };
enum site_kind site_fits(const uint8_t bytes[SITE_BYTES],
			 const struct call_numbers *numbers);

#endif
