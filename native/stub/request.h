/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call about one name, whichever it is. */
#ifndef STUB_REQUEST_H
#define STUB_REQUEST_H

#include <sys/stat.h>

#include "stub/frame.h"

struct statx;

struct request {
	int dirfd;
	const char *path;
	bool follow;
	bool opens;
	bool writes;	       /* likewise: it creates or changes something, perhaps */
	bool executes;	       /* execve(2): only an error is an answer */
	bool asks_rights;      /* access(2) */
	bool checks_deeply;    /* likewise: of what is found more has to be known */
	bool descriptor;       /* an empty name means it */
	const char *attribute; /* name of one, "" for a list; NULL: another call */
	uint64_t flags;	       /* of an open */
	uint64_t mode;	       /* of what it creates */
	int rights;	       /* that access(2) asks for */
	uint32_t mask;	       /* of statx(2) */
	struct stat *st;       /* that the kernel writes; NULL: none */
	struct statx *stx;     /* likewise */
	char *link;	       /* where the text of a link goes; NULL: nowhere */
	int size;	       /* its room */
};

/* Not an address that a program has: what the kernel says of it is EFAULT. */
bool request_is_absurd(uint64_t address);
/* The answer comes where the name is: the kernel has taken that before it writes. */
bool request_lies_over(const struct request *request);
/* False: a call, or flags, of which nothing is known here. */
bool request_take(const struct stub_frame *frame, struct request *ret_request);

#endif
