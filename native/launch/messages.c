/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "doctor/doctor.h"

enum { LINE_SIZE = 1024 };

/* The last line that said why something of ours failed, whoever of our processes said
 * it. */
static char first_buffer[LINE_SIZE];
static char *last_line = first_buffer;

void message_share(void)
{
	char *shared = mmap(NULL, LINE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared != MAP_FAILED)
		last_line = memcpy(shared, last_line, LINE_SIZE);
}

void message_keep(const char *text, size_t size)
{
	static const char sign[] = "interpose: ";

	for (const char *at = text, *end = text + size; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at);

		if (length > sizeof(sign) && memcmp(at, sign, sizeof(sign) - 1) == 0)
			snprintf(last_line, LINE_SIZE, "%.*s", (int)length, at);
		at += length + 1;
	}
}

int message_for_wrapper(void)
{
	const char *path = getenv("_CONDOR_WRAPPER_ERROR_FILE");
	int fd = path && *path ? open(path,
				      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
					      O_NONBLOCK | O_NOCTTY,
				      0644)
			       : -1;

	if (fd < 0)
		return STATUS_OURS;
	dprintf(fd, "%s\n",
		*last_line ? last_line : "interpose: the job was not started");
	close(fd);
	return STATUS_OURS;
}

/* One write, so that lines of several processes do not mix. Nothing in the line may
 * start a second one or steer a terminal. */
static void message_write(int fd, const char *format, va_list arguments)
{
	char line[8192] = "interpose: ";
	size_t start = strlen(line);
	int length =
		vsnprintf(line + start, sizeof(line) - start - 1, format, arguments);
	size_t end = length < 0 ? start : start + (size_t)length;

	if (end > sizeof(line) - 2)
		end = sizeof(line) - 2;
	for (size_t i = start; i < end; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[end] = '\n';
	message_keep(line, end);
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

int message_ill(const struct messages *messages, const char *advice, const char *format,
		...)
{
	char text[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return message_fail(messages, "%s (%s; interpose_run --doctor says more)", text,
			    advice);
}

int message_cannot_start(const struct messages *messages, const char *what, int error)
{
	const char *row = error == EMFILE   ? "descriptors"
			  : error == EAGAIN ? "processes"
			  : error == ENOMEM ? "memory"
					    : NULL;

	if (!row)
		return message_fail(messages, "cannot start %s: %s", what,
				    strerror(error));
	return message_ill(messages, doctor_row(row)->advice, "cannot start %s: %s",
			   what, strerror(error));
}

int message_no_run(const struct messages *messages, int error)
{
	return message_cannot_start(messages, "a run", error);
}

int message_no_scratch(const struct messages *messages, const char *base, int error)
{
	if (error == EMFILE)
		return message_no_run(messages, error);
	return message_ill(messages, doctor_row("scratch")->advice,
			   "cannot use the scratch directory: %s: %s", base,
			   strerror(error));
}

void message_refused(const struct messages *messages, int pid, int error)
{
	char text[512];
	const char *row = doctor_why_refused(pid, error, text, sizeof(text));

	message_ill(messages, doctor_row(row)->advice, "%s", text);
}
