/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each question stays here with its text until it is forgotten, so it can be asked
 * again when the resolver died. What the socket does not take yet stays unsent and goes
 * out when the socket can be written again. */
#define _GNU_SOURCE 1
#include "run/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interpose.h"
#include "run/clock.h"
#include "run/asked.h"

enum { MESSAGE_MAX = 200 * 1024, BUCKETS = 256 };

/* What kept a resolver from starting (memory, processes, a disk) may be over by then.
 */
static const int64_t retry_ns = 2 * 1000000000LL;

struct channel {
	channel_starter start;
	void *context;
	int fd;
	int pid;
	uint32_t last_id;
	bool lost;		   /* see channel_lost() */
	int64_t unusable_until_ns; /* it could not be started: not for every call again
				    */
	struct asked *buckets[BUCKETS];
	struct asked_list unsent;
	struct asked_list ready;
	uint8_t *buffer;
};

struct channel *channel_create(channel_starter start, void *context)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return NULL;
	channel->buffer = malloc(MESSAGE_MAX);
	if (!channel->buffer) {
		free(channel);
		return NULL;
	}
	channel->start = start;
	channel->context = context;
	channel->fd = -1;
	return channel;
}

static void channel_hang_up(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
	channel->pid = 0;
}

void channel_destroy(struct channel *channel)
{
	if (!channel)
		return;
	channel_hang_up(channel);
	for (int i = 0; i < BUCKETS; i++) {
		while (channel->buckets[i]) {
			struct asked *next = channel->buckets[i]->next;

			asked_free(channel->buckets[i]);
			channel->buckets[i] = next;
		}
	}
	free(channel->buffer);
	free(channel);
}

static struct asked *channel_find(const struct channel *channel, uint32_t id)
{
	struct asked *asked = channel->buckets[id % BUCKETS];

	while (asked && asked->id != id)
		asked = asked->next;
	return asked;
}

static void channel_unlink(struct channel *channel, struct asked *asked)
{
	struct asked **place = &channel->buckets[asked->id % BUCKETS];

	while (*place && *place != asked)
		place = &(*place)->next;
	if (*place)
		*place = asked->next;
}

static void channel_fail(struct channel *channel, struct asked *asked, int error)
{
	asked->error = error;
	asked->state = ASKED_READY;
	asked_append(&channel->ready, asked);
}

static int channel_connect(struct channel *channel)
{
	int pid, fd = -1;

	if (channel->fd >= 0)
		return 0;
	if (channel->unusable_until_ns && clock_now_ns() < channel->unusable_until_ns)
		return -EIO;
	channel->unusable_until_ns = 0;
	pid = channel->start(channel->context, &fd);
	if (pid < 0) {
		channel->unusable_until_ns = clock_now_ns() + retry_ns;
		return pid;
	}
	channel->pid = pid;
	channel->fd = fd;
	return 0;
}

/* 0: all went out or the socket is full; -EPIPE: the resolver is gone. */
static int channel_flush(struct channel *channel)
{
	while (channel->unsent.first) {
		struct asked *asked = channel->unsent.first;
		ssize_t sent = send(channel->fd, asked->message, asked->size,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return 0;
		if (sent < 0 && errno != EMSGSIZE)
			return -EPIPE;
		asked_shift(&channel->unsent);
		if (sent < 0) {
			channel_fail(channel, asked, EIO);
		} else if (asked->wants_answer) {
			asked->state = ASKED_SENT;
		} else {
			channel_unlink(channel, asked);
			asked_free(asked);
		}
	}
	return 0;
}

/* The resolver died: what it still owed is asked again, once. */
static void channel_renew(struct channel *channel)
{
	bool usable = true;

	channel_hang_up(channel);
	for (int i = 0; i < BUCKETS; i++) {
		for (struct asked *w = channel->buckets[i]; w; w = w->next) {
			if (w->state != ASKED_SENT)
				continue;
			if (w->again) {
				channel->lost = true;
				channel_fail(channel, w, EIO);
				continue;
			}
			w->again = true;
			w->state = ASKED_UNSENT;
			asked_append(&channel->unsent, w);
		}
	}
	if (!channel->unsent.first)
		return;
	usable = channel_connect(channel) == 0 && channel_flush(channel) == 0;
	if (usable)
		return;
	channel_hang_up(channel);
	while (channel->unsent.first)
		channel_fail(channel, asked_shift(&channel->unsent), EIO);
}

static struct asked *channel_find_equal(struct channel *channel,
					const struct asked *wanted)
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct asked *w = channel->buckets[i]; w; w = w->next)
			if (w->state < ASKED_READY && w->wants_answer &&
			    asked_equal(w, wanted))
				return w;
	return NULL;
}

int channel_ask(struct channel *channel, const struct channel_question *question)
{
	struct asked *asked, *equal;
	int error;

	if (question->body_len > MESSAGE_MAX / 2)
		return -E2BIG;
	asked = asked_create(question, channel->last_id + 1);
	if (!asked)
		return -ENOMEM;
	equal = asked->wants_answer ? channel_find_equal(channel, asked) : NULL;
	if (equal) {
		asked_free(asked);
		return (int)equal->id;
	}
	error = channel_connect(channel);
	if (error < 0) {
		asked_free(asked);
		return error;
	}
	channel->last_id = (channel->last_id + 1) & 0x7fffffff;
	asked->next = channel->buckets[asked->id % BUCKETS];
	channel->buckets[asked->id % BUCKETS] = asked;
	asked_append(&channel->unsent, asked);
	if (channel_flush(channel) < 0)
		channel_renew(channel);
	return (int)channel->last_id;
}

enum channel_state channel_look(struct channel *channel, uint32_t id,
				struct channel_answer *ret_answer)
{
	struct asked *asked = channel_find(channel, id);

	if (!asked)
		return CHANNEL_UNKNOWN;
	if (asked->state < ASKED_READY)
		return CHANNEL_UNDER_WAY;
	ret_answer->error = asked->error;
	ret_answer->body = asked->answer;
	ret_answer->body_len = asked->answer_len;
	return CHANNEL_ANSWERED;
}

void channel_forget(struct channel *channel, uint32_t id)
{
	struct asked *asked = channel_find(channel, id);

	/* The answer to a question under way may matter to others who asked the same.
	 */
	if (!asked || asked->state < ASKED_READY)
		return;
	if (asked->state == ASKED_READY)
		asked_drop(&channel->ready, asked);
	channel_unlink(channel, asked);
	asked_free(asked);
}

bool channel_lost(const struct channel *channel)
{
	return channel->lost;
}

/* One message from the socket: its question's id, 0 if it was none of ours. */
static uint32_t channel_take(struct channel *channel, size_t size)
{
	struct interpose_answer head;
	struct asked *asked;
	size_t body_len = size - sizeof(head);

	if (size < sizeof(head))
		return 0;
	memcpy(&head, channel->buffer, sizeof(head));
	asked = channel_find(channel, head.id);
	if (!asked || asked->state != ASKED_SENT)
		return 0;
	asked->error = head.error;
	if (head.version != INTERPOSE_CHANNEL_VERSION || head.body_len != body_len ||
	    head.error < 0)
		asked->error = EIO;
	/* One byte more, so that a body can be read as text. */
	asked->answer = calloc(1, body_len + 1);
	if (asked->answer) {
		memcpy(asked->answer, channel->buffer + sizeof(head), body_len);
		asked->answer_len = body_len;
	} else {
		asked->error = ENOMEM;
	}
	asked->state = ASKED_TOLD;
	return asked->id;
}

uint32_t channel_receive(struct channel *channel)
{
	struct asked *ready;

	while (!channel->ready.first && channel->fd >= 0) {
		ssize_t got =
			recv(channel->fd, channel->buffer, MESSAGE_MAX, MSG_DONTWAIT);
		uint32_t id;

		/* ECONNRESET: it died with a question unread; its answers come after.
		 */
		if (got < 0 && (errno == EINTR || errno == ECONNRESET))
			continue;
		if (got < 0 && errno == EAGAIN) {
			if (!channel->unsent.first)
				return 0;
			if (channel_flush(channel) < 0)
				channel_renew(channel);
			else
				break;
		} else if (got <= 0) {
			channel_renew(channel);
		} else {
			id = channel_take(channel, (size_t)got);
			if (id)
				return id;
		}
	}
	ready = asked_shift(&channel->ready);
	if (!ready)
		return 0;
	ready->state = ASKED_TOLD;
	return ready->id;
}

bool channel_reaped(struct channel *channel, int pid)
{
	if (pid <= 0 || pid != channel->pid)
		return false;
	/* What it wrote before it died is still in the socket; its end is seen there.
	 */
	channel->pid = 0;
	return true;
}

int channel_resolver_pid(const struct channel *channel)
{
	return channel->pid;
}
