/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

void relay_open(struct launch *launch)
{
	launch->voice = fcntl(launch->messages.fd, F_DUPFD_CLOEXEC, 3);
}

void relay_pass_on(const struct launch *launch)
{
	struct pollfd voice = {.fd = launch->voice, .events = POLLOUT};
	char text[4096];
	ssize_t got;

	while (voice.fd >= 0 && poll(&voice, 1, 0) == 1 && voice.revents == POLLOUT) {
		got = read(launch->relay_read, text, sizeof(text));
		message_keep(text, got > 0 ? (size_t)got : 0);
		if (got <= 0 || write(voice.fd, text, (size_t)got) < 0)
			return;
	}
}

void relay_close(struct launch *launch)
{
	relay_pass_on(launch);
	if (launch->voice >= 0)
		close(launch->voice);
	launch->voice = -1;
}

void relay_say(void *context, const char *text)
{
	const struct launch *launch = context;

	message_notice(&launch->messages, "%s", text);
	relay_pass_on(launch);
}
