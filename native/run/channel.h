/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the resolver and its answers; starts the resolver at the first question
 * and a new one when it died. Never blocks. */
#ifndef RUN_CHANNEL_H
#define RUN_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

struct channel;

/* Starts a resolver: returns its pid and our end of the socket, or a negative errno. */
typedef int (*channel_starter)(void *context, int *ret_fd);

struct channel *channel_create(channel_starter start, void *context);
void channel_destroy(struct channel *channel);

/* A question as handlers ask it. Equal questions under way share one id. */
struct channel_question {
	uint32_t kind; /* enum interpose_question_kind */
	uint32_t flags;
	uint32_t entry;
	const char *fqrn;
	const void *body;
	size_t body_len;
};

/* Returns an id > 0 to wait for, or a negative errno (the resolver cannot be started).
 */
int channel_ask(struct channel *channel, const struct channel_question *question);

enum channel_state { CHANNEL_UNKNOWN, CHANNEL_UNDER_WAY, CHANNEL_ANSWERED };

struct channel_answer {
	int error; /* 0 or a positive errno */
	const uint8_t *body;
	size_t body_len;
};

/* What became of question `id`. The body stays valid until channel_forget(id). */
enum channel_state channel_look(struct channel *channel, uint32_t id,
				struct channel_answer *ret_answer);
void channel_forget(struct channel *channel, uint32_t id);

/* For the loop: the descriptor to wait on (-1: no resolver), and reading what is there.
 * channel_receive takes one answer off the socket and returns its id, 0 when there is
 * none (also after a death: then the questions under way have been asked again, once,
 * or have been answered with EIO; such an answer is returned like any other). */
/* Has a question been given up, because two resolvers died over it? */
bool channel_lost(const struct channel *channel);
uint32_t channel_receive(struct channel *channel);
/* The loop reaped `pid`: true if it was the resolver. */
bool channel_reaped(struct channel *channel, int pid);
int channel_resolver_pid(const struct channel *channel);

#endif
