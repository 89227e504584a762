/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of --trace: written to a pipe, made readable by a process of its own. */
#ifndef RUN_TRACE_H
#define RUN_TRACE_H

#include <stdint.h>

#include "tracee/tracee.h"

enum { TRACE_VERSION = 1, TRACE_STRINGS = 3 };

enum trace_flag {
	TRACE_ENTRY = 1,
	TRACE_EXIT = 2,	 /* `result` is valid */
	TRACE_AGAIN = 4, /* with EXIT: the same call runs once more; it is shown then */
	TRACE_MISSING = 256 /* shifted left by i: string i was not read */
};

/* Little-endian, no padding; TRACE_STRINGS strings follow it, each ended by NUL, empty
 * where there is none; string_len counts them with their NULs. Whole records only. */
struct trace_record {
	uint32_t version;
	uint32_t size; /* of this header */
	int32_t tid;
	uint32_t arch; /* AUDIT_ARCH_* */
	int64_t number;
	int64_t time_ns; /* CLOCK_REALTIME */
	uint64_t args[6];
	int64_t result;	  /* of an answer or at the exit */
	uint32_t verdict; /* enum verdict */
	uint32_t flags;	  /* enum trace_flag */
	uint32_t string_len;
	uint32_t reserved;
};

struct trace;

/* Takes over `fd`. NULL: no memory. */
struct trace *trace_open(int fd);
/* Writes what is left and closes. */
void trace_close(struct trace *trace);
void trace_flush(struct trace *trace);
/* A path that a handler read: argument `position` of the call, or the n-th of a list.
 * A record carries the paths in the order of their positions. Nothing happens with
 * `trace` NULL. */
void trace_path(struct trace *trace, unsigned int position, const char *string);
/* The call waits and its handler will run again: forgets the paths. */
void trace_discard(struct trace *trace);
/* The record of the tracee's stop, with the paths noted since the last one. */
void trace_write(struct trace *trace, const struct tracee *tracee, enum verdict verdict,
		 uint32_t flags);

#endif
