/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that wait for no longer than they are told, while signals come that the process
 * ignores. */
/* covers: epoll_wait epoll_pwait epoll_pwait2 rt_sigtimedwait semtimedop */
/* covers: io_getevents io_pgetevents */
#include "probe.h"

#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <time.h>

#include "waiting.h"

static const struct timespec limit = {0, WAITING_LIMIT_MS *WAITING_NS};

static long do_limited_epoll_wait(void)
{
	return waiting_with_epoll(waiting_epoll_wait, WAITING_LIMIT_MS);
}

static long do_limited_epoll_pwait(void)
{
	return waiting_with_epoll(waiting_epoll_pwait, WAITING_LIMIT_MS);
}

static long do_limited_epoll_pwait2(void)
{
	return waiting_with_epoll(waiting_epoll_pwait2, WAITING_LIMIT_MS);
}

static long do_sigtimedwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return CALL(rt_sigtimedwait, &set, NULL, &limit, 8);
}

static long do_semtimedop(void)
{
	struct sembuf one = {0, -1, 0};

	return semtimedop(waiting_queue, &one, 1, &limit);
}

static long do_io_getevents(void)
{
	aio_context_t context = 0;
	struct io_event event;
	struct timespec time = limit;
	long result;

	CALL(io_setup, 1, &context);
	result = CALL(io_getevents, context, 1, 1, &event, &time);
	CALL(io_destroy, context);
	return result;
}

static long do_io_pgetevents(void)
{
	aio_context_t context = 0;
	struct io_event event;
	struct timespec time = limit;
	long result;

	CALL(io_setup, 1, &context);
	result = CALL(io_pgetevents, context, 1, 1, &event, &time, NULL);
	CALL(io_destroy, context);
	return result;
}

static long do_limited_poll(void)
{
	struct pollfd one = {waiting_fd, POLLIN, 0};

	return poll(&one, 1, WAITING_LIMIT_MS);
}

static long do_select(void)
{
	struct timeval time = {0, WAITING_LIMIT_MS * 1000};

	return select(0, NULL, NULL, NULL, &time);
}

static long do_nanosleep(void)
{
	return nanosleep(&limit, NULL);
}

static long do_limited_futex(void)
{
	return CALL(futex, &waiting_shared->word, FUTEX_WAIT, 1, &limit, NULL, 0);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	waiting_start();
	waiting_with_ends(0, "epoll_wait", do_limited_epoll_wait, NULL, false);
	waiting_with_ends(0, "epoll_pwait", do_limited_epoll_pwait, NULL, false);
	waiting_with_ends(0, "epoll_pwait2", do_limited_epoll_pwait2, NULL, false);
	waiting_with_ends(0, "poll", do_limited_poll, NULL, false);
	waiting_for("sigtimedwait", do_sigtimedwait, NULL);
	waiting_for("io_getevents", do_io_getevents, NULL);
	waiting_for("io_pgetevents", do_io_pgetevents, NULL);
	waiting_for("select", do_select, NULL);
	waiting_for("nanosleep", do_nanosleep, NULL);
	waiting_for("futex", do_limited_futex, NULL);
	waiting_queue = semget(IPC_PRIVATE, 1, 0600);
	waiting_for("semtimedop", do_semtimedop, NULL);
	semctl(waiting_queue, 0, IPC_RMID);
	return 0;
}
