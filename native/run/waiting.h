/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question with its text and what became of it; part of the channel. */
#ifndef RUN_WAITING_H
#define RUN_WAITING_H

#include "run/channel.h"

enum waiting_state {
	WAITING_UNSENT,
	WAITING_SENT,
	WAITING_READY, /* answered, the loop has not been told */
	WAITING_TOLD
};

struct waiting {
	struct waiting *next;	     /* in its bucket, by id */
	struct waiting *next_unsent; /* also chains READY ones that no socket brings */
	enum waiting_state state;
	uint32_t id;
	bool again; /* asked a second time */
	bool wants_answer;
	int error;
	uint8_t *answer;
	size_t answer_len;
	size_t size;
	uint8_t message[]; /* struct interpose_question, fqrn, body */
};

struct waiting_list {
	struct waiting *first, *last;
};

/* NULL: no memory. */
struct waiting *waiting_create(const struct channel_question *question, uint32_t id);
void waiting_free(struct waiting *waiting);
/* The same question, whatever the ids? */
bool waiting_equal(const struct waiting *a, const struct waiting *b);

void waiting_append(struct waiting_list *list, struct waiting *waiting);
struct waiting *waiting_shift(struct waiting_list *list);
void waiting_drop(struct waiting_list *list, const struct waiting *waiting);

#endif
