/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls that wait for a limited time and that i386 alone has, while signals come
 * that the process ignores. */
/* covers: ipc rt_sigtimedwait_time64 semtimedop_time64 io_pgetevents_time64 */
#include "probe.h"

#include <linux/aio_abi.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "waiting.h"

enum { IPC_SEMOP = 1, IPC_SEMTIMEDOP = 4 };
static const int32_t narrow[2] = {0, WAITING_LIMIT_MS *WAITING_NS};
static const int64_t wide[2] = {0, WAITING_LIMIT_MS *WAITING_NS};
static struct sembuf one = {0, -1, 0};

static long do_ipc(void)
{
	return CALL(ipc, IPC_SEMTIMEDOP, waiting_queue, 1, 0, &one, narrow);
}

static long do_ipc_without_a_limit(void)
{
	return CALL(ipc, IPC_SEMOP, waiting_queue, 1, 0, &one, 0);
}

static long do_semtimedop(void)
{
	return CALL(semtimedop_time64, waiting_queue, &one, 1, wide);
}

static long do_sigtimedwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return CALL(rt_sigtimedwait_time64, &set, NULL, wide, 8);
}

static long do_io_pgetevents(void)
{
	aio_context_t context = 0;
	struct io_event event;
	long result;

	CALL(io_setup, 1, &context);
	result = CALL(io_pgetevents_time64, context, 1, 1, &event, wide, NULL);
	CALL(io_destroy, context);
	return result;
}

static void feed_semaphore(int turn)
{
	struct sembuf more = {0, 1, 0};

	if (turn < 0)
		semop(waiting_queue, &more, 1);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	waiting_start();
	waiting_queue = semget(IPC_PRIVATE, 1, 0600);
	waiting_for("ipc", do_ipc, NULL);
	waiting_for("ipc without a limit", do_ipc_without_a_limit, feed_semaphore);
	waiting_for("semtimedop_time64", do_semtimedop, NULL);
	semctl(waiting_queue, 0, IPC_RMID);
	waiting_for("rt_sigtimedwait_time64", do_sigtimedwait, NULL);
	waiting_for("io_pgetevents_time64", do_io_pgetevents, NULL);
	return 0;
}
