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
#include "run/waiting.h"

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
	struct waiting *buckets[BUCKETS];
	struct waiting_list unsent;
	struct waiting_list ready;
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
			struct waiting *next = channel->buckets[i]->next;

			waiting_free(channel->buckets[i]);
			channel->buckets[i] = next;
		}
	}
	free(channel->buffer);
	free(channel);
}

static struct waiting *channel_find(const struct channel *channel, uint32_t id)
{
	struct waiting *waiting = channel->buckets[id % BUCKETS];

	while (waiting && waiting->id != id)
		waiting = waiting->next;
	return waiting;
}

static void channel_unlink(struct channel *channel, struct waiting *waiting)
{
	struct waiting **place = &channel->buckets[waiting->id % BUCKETS];

	while (*place && *place != waiting)
		place = &(*place)->next;
	if (*place)
		*place = waiting->next;
}

static void channel_fail(struct channel *channel, struct waiting *waiting, int error)
{
	waiting->error = error;
	waiting->state = WAITING_READY;
	waiting_append(&channel->ready, waiting);
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
		struct waiting *waiting = channel->unsent.first;
		ssize_t sent = send(channel->fd, waiting->message, waiting->size,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return 0;
		if (sent < 0 && errno != EMSGSIZE)
			return -EPIPE;
		waiting_shift(&channel->unsent);
		if (sent < 0) {
			channel_fail(channel, waiting, EIO);
		} else if (waiting->wants_answer) {
			waiting->state = WAITING_SENT;
		} else {
			channel_unlink(channel, waiting);
			waiting_free(waiting);
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
		for (struct waiting *w = channel->buckets[i]; w; w = w->next) {
			if (w->state != WAITING_SENT)
				continue;
			if (w->again) {
				channel->lost = true;
				channel_fail(channel, w, EIO);
				continue;
			}
			w->again = true;
			w->state = WAITING_UNSENT;
			waiting_append(&channel->unsent, w);
		}
	}
	if (!channel->unsent.first)
		return;
	usable = channel_connect(channel) == 0 && channel_flush(channel) == 0;
	if (usable)
		return;
	channel_hang_up(channel);
	while (channel->unsent.first)
		channel_fail(channel, waiting_shift(&channel->unsent), EIO);
}

static struct waiting *channel_find_equal(struct channel *channel,
					  const struct waiting *wanted)
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct waiting *w = channel->buckets[i]; w; w = w->next)
			if (w->state < WAITING_READY && w->wants_answer &&
			    waiting_equal(w, wanted))
				return w;
	return NULL;
}

int channel_ask(struct channel *channel, const struct channel_question *question)
{
	struct waiting *waiting, *equal;
	int error;

	if (question->body_len > MESSAGE_MAX / 2)
		return -E2BIG;
	waiting = waiting_create(question, channel->last_id + 1);
	if (!waiting)
		return -ENOMEM;
	equal = waiting->wants_answer ? channel_find_equal(channel, waiting) : NULL;
	if (equal) {
		waiting_free(waiting);
		return (int)equal->id;
	}
	error = channel_connect(channel);
	if (error < 0) {
		waiting_free(waiting);
		return error;
	}
	channel->last_id = (channel->last_id + 1) & 0x7fffffff;
	waiting->next = channel->buckets[waiting->id % BUCKETS];
	channel->buckets[waiting->id % BUCKETS] = waiting;
	waiting_append(&channel->unsent, waiting);
	if (channel_flush(channel) < 0)
		channel_renew(channel);
	return (int)channel->last_id;
}

enum channel_state channel_look(struct channel *channel, uint32_t id,
				struct channel_answer *ret_answer)
{
	struct waiting *waiting = channel_find(channel, id);

	if (!waiting)
		return CHANNEL_UNKNOWN;
	if (waiting->state < WAITING_READY)
		return CHANNEL_UNDER_WAY;
	ret_answer->error = waiting->error;
	ret_answer->body = waiting->answer;
	ret_answer->body_len = waiting->answer_len;
	return CHANNEL_ANSWERED;
}

void channel_forget(struct channel *channel, uint32_t id)
{
	struct waiting *waiting = channel_find(channel, id);

	/* The answer to a question under way may matter to others who asked the same.
	 */
	if (!waiting || waiting->state < WAITING_READY)
		return;
	if (waiting->state == WAITING_READY)
		waiting_drop(&channel->ready, waiting);
	channel_unlink(channel, waiting);
	waiting_free(waiting);
}

bool channel_lost(const struct channel *channel)
{
	return channel->lost;
}

/* One message from the socket: its question's id, 0 if it was none of ours. */
static uint32_t channel_take(struct channel *channel, size_t size)
{
	struct interpose_answer head;
	struct waiting *waiting;
	size_t body_len = size - sizeof(head);

	if (size < sizeof(head))
		return 0;
	memcpy(&head, channel->buffer, sizeof(head));
	waiting = channel_find(channel, head.id);
	if (!waiting || waiting->state != WAITING_SENT)
		return 0;
	waiting->error = head.error;
	if (head.version != INTERPOSE_CHANNEL_VERSION || head.body_len != body_len ||
	    head.error < 0)
		waiting->error = EIO;
	/* One byte more, so that a body can be read as text. */
	waiting->answer = calloc(1, body_len + 1);
	if (waiting->answer) {
		memcpy(waiting->answer, channel->buffer + sizeof(head), body_len);
		waiting->answer_len = body_len;
	} else {
		waiting->error = ENOMEM;
	}
	waiting->state = WAITING_TOLD;
	return waiting->id;
}

uint32_t channel_receive(struct channel *channel)
{
	struct waiting *ready;

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
	ready = waiting_shift(&channel->ready);
	if (!ready)
		return 0;
	ready->state = WAITING_TOLD;
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
