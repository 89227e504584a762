/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question with its text and what became of it; part of the channel. */
#ifndef RUN_ASKED_H
#define RUN_ASKED_H

#include "run/channel.h"

enum asked_state {
	ASKED_UNSENT,
	ASKED_SENT,
	ASKED_READY, /* answered, the loop has not been told */
	ASKED_TOLD
};

struct asked {
	struct asked *next;	   /* in its bucket, by id */
	struct asked *next_unsent; /* also chains READY ones that no socket brings */
	enum asked_state state;
	uint32_t id;
	bool again; /* asked a second time */
	bool wants_answer;
	int error;
	uint8_t *answer;
	size_t answer_len;
	size_t size;
	uint8_t message[]; /* struct interpose_question, fqrn, body */
};

struct asked_list {
	struct asked *first, *last;
};

/* NULL: no memory. */
struct asked *asked_create(const struct channel_question *question, uint32_t id);
void asked_free(struct asked *asked);
/* The same question, whatever the ids? */
bool asked_equal(const struct asked *a, const struct asked *b);

void asked_append(struct asked_list *list, struct asked *asked);
struct asked *asked_shift(struct asked_list *list);
void asked_drop(struct asked_list *list, const struct asked *asked);

#endif
