/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines for the user: `interpose: WHAT is wrong: WHERE (what to do about it)`. */
#ifndef LAUNCH_MESSAGES_H
#define LAUNCH_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

enum { STATUS_OURS = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

struct messages {
	int fd;	    /* standard error, or --log */
	bool quiet; /* no notices */
	int verbose;
};

/* Something of ours failed; always written. Returns STATUS_OURS. */
int message_fail(const struct messages *messages, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void message_notice(const struct messages *messages, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Only with -v. */
void message_detail(const struct messages *messages, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same where a row of the doctor's says the same (doctor/table.c); `advice` is the
 * row's, or a better one. */
int message_ill(const struct messages *messages, const char *advice, const char *format,
		...) __attribute__((format(printf, 3, 4)));
/* `what` cannot be started; `error` (positive) may be a limit's. Returns STATUS_OURS.
 */
int message_cannot_start(const struct messages *messages, const char *what, int error);
/* The same of a run. */
int message_no_run(const struct messages *messages, int error);
/* The scratch at `base` cannot be made; likewise. */
int message_no_scratch(const struct messages *messages, const char *base, int error);
/* Why PTRACE_SEIZE of our child `pid` failed with `error` (negative errno). */
void message_refused(const struct messages *messages, int pid, int error);

/* Before processes of ours are made: what each of them says last is known to all. */
void message_share(void);
/* Remembers the last whole line of ours in what a helper said. */
void message_keep(const char *text, size_t size);
/* HTCondor takes a job back whose wrapper writes into $_CONDOR_WRAPPER_ERROR_FILE: the
 * last line, when something of ours failed. The job's command has not failed then.
 * Always STATUS_OURS. */
int message_for_wrapper(void);

#endif
