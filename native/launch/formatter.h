/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that makes the records of --trace readable. */
#ifndef LAUNCH_FORMATTER_H
#define LAUNCH_FORMATTER_H

#include <sys/types.h>

#include "launch/options.h"

struct messages;
struct trace;

/* Writes to the file of --trace; it ends when the trace is closed. 0 or a negative
 * errno; -EIO: the line was written.
 */
int formatter_start(const struct options *options, const struct messages *messages,
		    const char *scratch, pid_t *ret_pid, struct trace **ret_trace);

#endif
