/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call that waits while signals come that the process ignores. */
#ifndef WAITING_H
#define WAITING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* What the helper, who sends the signals, and the one who waits share. */
struct waiting_shared {
	atomic_bool done;
	int word;
};

enum { WAITING_LIMIT_MS = 200, WAITING_NS = 1000000 };

extern struct waiting_shared *waiting_shared;
extern int waiting_fd, waiting_other_fd; /* a pipe or connection of the wait at hand */
extern int waiting_queue;		 /* of System V */

/* Ignores what is sent, and blocks SIGUSR2. */
void waiting_start(void);
/* `feed` ends the wait in its last turn (-1); without it there is a limit. */
void waiting_for(const char *what, long (*call)(void), void (*feed)(int turn));
/* The same with both ends of a pipe (type 0) or of a connection. */
void waiting_with_ends(int type, const char *what, long (*call)(void),
		       void (*feed)(int turn), bool waits_at_the_end);
/* An epoll_wait, epoll_pwait or epoll_pwait2 for `waiting_fd`. */
long waiting_with_epoll(long (*call)(int epoll, int timeout), int timeout);
long waiting_epoll_wait(int epoll, int timeout);
long waiting_epoll_pwait(int epoll, int timeout);
long waiting_epoll_pwait2(int epoll, int timeout);
/* State and waiting signals of a process, as /proc has them. */
bool waiting_looked(pid_t pid, char *ret_state, unsigned long *ret_pending);

#endif
