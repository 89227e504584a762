/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/messages.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One write, so that lines of several processes do not mix. Nothing in the line may start
 * a second one or steer a terminal. */
static void message_write(int fd, const char *format, va_list arguments)
{
	char line[8192] = "interpose: ";
	size_t start = strlen(line);
	int length = vsnprintf(line + start, sizeof(line) - start - 1, format, arguments);
	size_t end = length < 0 ? start : start + (size_t)length;

	if (end > sizeof(line) - 2)
		end = sizeof(line) - 2;
	for (size_t i = start; i < end; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[end] = '\n';
	if (write(fd, line, end + 1) < 0)
		return; /* nobody listens; the status still tells */
}

int message_fail(const struct messages *messages, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message_write(messages->fd, format, arguments);
	va_end(arguments);
	return STATUS_OURS;
}

void message_notice(const struct messages *messages, const char *format, ...)
{
	va_list arguments;

	if (messages->quiet)
		return;
	va_start(arguments, format);
	message_write(messages->fd, format, arguments);
	va_end(arguments);
}

void message_detail(const struct messages *messages, const char *format, ...)
{
	va_list arguments;

	if (messages->verbose < 1)
		return;
	va_start(arguments, format);
	message_write(messages->fd, format, arguments);
	va_end(arguments);
}
