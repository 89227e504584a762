/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "tracer/events.h"

#include <errno.h>
#include <sys/socket.h>

struct event event_of_signal(const struct signalfd_siginfo *info)
{
	return (struct event){.kind = EVENT_SIGNAL,
			      .number = (int32_t)info->ssi_signo,
			      .sender = {.code = info->ssi_code,
					 .pid = (int32_t)info->ssi_pid,
					 .uid = info->ssi_uid,
					 .value = info->ssi_ptr}};
}

int event_send(int fd, const struct event *event)
{
	ssize_t sent;

	do
		sent = send(fd, event, sizeof(*event), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int event_receive(int fd, struct event *ret_event)
{
	struct event event;
	ssize_t got;

	/* ECONNRESET: the other side ended with a message of ours unread. What it said
	 * before comes after this error. */
	do
		got = recv(fd, &event, sizeof(event), MSG_DONTWAIT);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return errno == EAGAIN ? -EAGAIN : 0;
	if (got != sizeof(event))
		return 0;
	*ret_event = event;
	return 1;
}
