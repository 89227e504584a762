/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A search along PATH executes each name until one is there. Before Linux 6.8 the
 * kernel takes the arguments first, and then looks for the program: a bad pointer among
 * them, or too many, is another error than the missing name. */
#include "stub/program.h"

#include <asm/unistd.h>
#include <sys/resource.h>

#include "stub/frame.h"
#include "stub/request.h"

enum {
	MOST = 64
	       << 10,	/* bytes of both lists: fewer than the kernel ever refuses... */
	STACK_PARTS = 4 /* ...where this part of the stack has room for them */
};

static bool has_end(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

	return (word - ones) & ~word & tops;
}

/* With its NUL. Eight bytes at once where they lie together: they are of one page. */
static uint64_t size_of(const char *text, uint64_t most)
{
	const char *at = text;

	while ((uint64_t)(at - text) < most) {
		if ((uintptr_t)at % 8 == 0 && !has_end(*(const uint64_t *)at))
			at += 8;
		else if (!*at++)
			return (uint64_t)(at - text);
	}
	return most;
}

/* What is left of `room`; 0: it is too much, or no list. A pointer that is bad is a
 * fault, and the call is made at its place. */
static uint64_t take(uint64_t list, uint64_t room)
{
	const uint64_t *at = (const uint64_t *)list;
	uint64_t size;

	if (!list)
		return room;
	if (request_is_absurd(list))
		return 0;
	for (; *at; at++) {
		if (request_is_absurd(*at) || room <= sizeof(*at))
			return 0;
		room -= sizeof(*at);
		size = size_of((const char *)*at, room);
		if (size == room)
			return 0;
		room -= size;
	}
	return room;
}

bool program_takes(uint64_t argv, uint64_t envp)
{
	struct rlimit stack;
	const uint64_t room = take(argv, MOST);

	return room && take(envp, room) &&
	       stub_call(__NR_prlimit64, 0, RLIMIT_STACK, 0, (uint64_t)&stack, 0) ==
		       0 &&
	       stack.rlim_cur / STACK_PARTS >= MOST;
}
