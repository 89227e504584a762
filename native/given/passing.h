/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is redirected has a path, and in other mounts that path may mean nothing, or
 * something else: a job mounts over the scratch or the cache. Then the tracee is handed
 * the descriptor itself, through a pair of sockets that it is made to open and close
 * (docs/decisions/0016). */
#ifndef GIVEN_PASSING_H
#define GIVEN_PASSING_H

#include "find/call.h"

/* Does `path`, a name of ours, lead the tracee elsewhere? */
bool passing_is_needed(const struct call *call, const char *path);

enum passing_use {
	PASSING_RESULT,	   /* it is the result of the call, an open */
	PASSING_DIRECTORY, /* it becomes the working directory */
	PASSING_PROGRAM,   /* the call is an exec, and what is run lies in it */
	PASSING_LINK	   /* the call gets the link of /proc for a path */
};

struct passing_order {
	int fd; /* taken over; negative: why there is none */
	enum passing_use use;
	unsigned int position; /* of the path among the call's arguments */
	bool stays_open;       /* at exec */
	const char *path;      /* PASSING_PROGRAM: below the descriptor */
	stop_handler leave;    /* ends the call, as tracee_redirect() has it */
};
/* In place of tracee_redirect(). */
enum verdict passing_begin(struct run *run, struct tracee *tracee,
			   const struct passing_order *order);
/* The same for a name of ours: opened with `flags`, its link, or its directory. */
enum verdict passing_open(struct run *run, struct tracee *tracee, const char *path,
			  uint64_t flags, stop_handler leave);
enum verdict passing_link(struct run *run, struct tracee *tracee, const char *path,
			  unsigned int position);
enum verdict passing_chdir(struct run *run, struct tracee *tracee, const char *path);
/* `padded` is `path` with as many more bytes in front as its name needs to have. */
enum verdict passing_execute(struct run *run, struct tracee *tracee, const char *padded,
			     unsigned int position, stop_handler leave);

/* One line that says why it cannot be done; the same with EIO for the call. */
void passing_say(struct run *run);
enum verdict passing_refuse(struct run *run, struct tracee *tracee);

/* At an entry stop: it is one of the calls that hand a descriptor over. */
bool passing_goes_on(struct tracee *tracee, enum verdict *ret_verdict);
/* The tracee is gone, or its exec has happened. */
void passing_forget(struct tracee *tracee);

#endif
