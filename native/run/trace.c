/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STRING_SIZE = 4096, BUFFER_SIZE = 65536, POSITIONS = 6 };

/* A reader who watches sees lines this late at most, while there are any. */
static const int64_t flush_ns = 50 * 1000000LL;

struct trace {
	int fd; /* -1: the reader is gone */
	size_t used;
	int64_t flushed_ns;
	bool noted[POSITIONS];
	char strings[POSITIONS][STRING_SIZE];
	char buffer[BUFFER_SIZE];
};

_Static_assert(sizeof(struct trace_record) == 104, "the layout is read by others");

struct trace *trace_open(int fd)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (trace)
		trace->fd = fd;
	return trace;
}

void trace_flush(struct trace *trace)
{
	size_t done = 0;

	while (trace->fd >= 0 && done < trace->used) {
		ssize_t written =
			write(trace->fd, trace->buffer + done, trace->used - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			close(trace->fd);
			trace->fd = -1;
			break;
		}
		done += (size_t)written;
	}
	trace->used = 0;
}

void trace_close(struct trace *trace)
{
	if (!trace)
		return;
	trace_flush(trace);
	if (trace->fd >= 0)
		close(trace->fd);
	free(trace);
}

void trace_path(struct trace *trace, unsigned int position, const char *string)
{
	size_t length;

	if (!trace || position >= POSITIONS)
		return;
	length = strnlen(string, STRING_SIZE - 1);
	memcpy(trace->strings[position], string, length);
	trace->strings[position][length] = '\0';
	trace->noted[position] = true;
}

void trace_discard(struct trace *trace)
{
	memset(trace->noted, 0, sizeof(trace->noted));
}

static void trace_append(struct trace *trace, const void *data, size_t size)
{
	memcpy(trace->buffer + trace->used, data, size);
	trace->used += size;
}

void trace_write(struct trace *trace, const struct tracee *tracee, enum verdict verdict,
		 uint32_t flags)
{
	struct trace_record record = {.version = TRACE_VERSION,
				      .size = sizeof(record),
				      .tid = tracee->tid,
				      .arch = arch_audit[tracee->stop.regs.abi],
				      .number = tracee->stop.number,
				      .verdict = verdict,
				      .flags = flags};
	const char *strings[TRACE_STRINGS] = {"", "", ""};
	struct timespec now;
	int count = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	record.time_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
	memcpy(record.args, tracee->stop.args, sizeof(record.args));
	if (verdict == VERDICT_ANSWER || flags & TRACE_EXIT)
		record.result = arch_result(&tracee->stop.regs);
	if (flags & TRACE_EXIT &&
	    arch_ip(&tracee->stop.regs) != arch_ip(&tracee->stop.saved))
		record.flags |= TRACE_AGAIN;
	for (int i = 0; i < POSITIONS && count < TRACE_STRINGS; i++)
		if (trace->noted[i])
			strings[count++] = trace->strings[i];
	for (int i = 0; i < TRACE_STRINGS; i++) {
		record.string_len += (uint32_t)strlen(strings[i]) + 1;
		if (i >= count)
			record.flags |= (uint32_t)TRACE_MISSING << i;
	}
	if (trace->used + sizeof(record) + record.string_len > BUFFER_SIZE)
		trace_flush(trace);
	trace_append(trace, &record, sizeof(record));
	for (int i = 0; i < TRACE_STRINGS; i++)
		trace_append(trace, strings[i], strlen(strings[i]) + 1);
	trace_discard(trace);
	if (record.time_ns - trace->flushed_ns > flush_ns) {
		trace_flush(trace);
		trace->flushed_ns = record.time_ns;
	}
}
