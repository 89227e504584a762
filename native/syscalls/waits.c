/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls/waits.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "arch/numbers.h"
#include "run/clock.h"
#include "syscalls/handlers.h"
#include "syscalls/numbers_i386.h"

/* Of the kernel's own: the call begins again unless a handler runs. */
enum { ERESTARTNOHAND = 514 };
enum { IPC_OPERATION = 0xffff, NS_PER_MS = 1000 * 1000, NS_PER_S = 1000 * NS_PER_MS };

enum limit { NO_LIMIT, MILLISECONDS, TIMESPEC, TIMESPEC_32 };

struct wait_call {
	enum arch_abi abi;
	int number;
	int operation; /* of ipc(); 0: it is another call */
	enum limit limit;
	unsigned int argument; /* that has the limit */
};

/* Others begin again by themselves, or (mq_*, futex, poll, select, clock_nanosleep)
 * wait until a point in time. */
static const struct wait_call calls[] = {
	{ARCH_OWN, SYS_epoll_wait, 0, MILLISECONDS, 3},
	{ARCH_OWN, SYS_epoll_pwait, 0, MILLISECONDS, 3},
	{ARCH_OWN, SYS_epoll_pwait2, 0, TIMESPEC, 3},
	{ARCH_OWN, SYS_rt_sigtimedwait, 0, TIMESPEC, 2},
	{ARCH_OWN, SYS_semop, 0, NO_LIMIT, 0},
	{ARCH_OWN, SYS_semtimedop, 0, TIMESPEC, 3},
	{ARCH_OWN, SYS_io_getevents, 0, TIMESPEC, 4},
	{ARCH_OWN, SYS_io_pgetevents, 0, TIMESPEC, 4},
	{ARCH_OWN, SYS_fallocate, 0, NO_LIMIT, 0},
	{ARCH_I386, I386_epoll_wait, 0, MILLISECONDS, 3},
	{ARCH_I386, I386_epoll_pwait, 0, MILLISECONDS, 3},
	{ARCH_I386, I386_epoll_pwait2, 0, TIMESPEC, 3},
	{ARCH_I386, I386_rt_sigtimedwait, 0, TIMESPEC_32, 2},
	{ARCH_I386, I386_rt_sigtimedwait_time64, 0, TIMESPEC, 2},
	{ARCH_I386, I386_ipc, 1 /* SEMOP */, NO_LIMIT, 0},
	{ARCH_I386, I386_ipc, 4 /* SEMTIMEDOP */, TIMESPEC_32, 5},
	{ARCH_I386, I386_semtimedop_time64, 0, TIMESPEC, 3},
	{ARCH_I386, I386_io_getevents, 0, TIMESPEC_32, 4},
	{ARCH_I386, I386_io_pgetevents, 0, TIMESPEC_32, 4},
	{ARCH_I386, I386_io_pgetevents_time64, 0, TIMESPEC, 4},
	{ARCH_I386, I386_fallocate, 0, NO_LIMIT, 0},
};

/* The row of the call at hand; NULL: it is none of these. */
static const struct wait_call *find(const struct stop *stop)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct wait_call *call = &calls[i];

		if (call->number == stop->number && call->abi == stop->regs.abi &&
		    stop->number >= 0 &&
		    (!call->operation ||
		     call->operation == (int)(stop->args[0] & IPC_OPERATION)))
			return call;
	}
	return NULL;
}

/* ---- the limit ---- */

static size_t size_of(enum limit limit)
{
	return limit == TIMESPEC_32 ? 2 * sizeof(int32_t) : 2 * sizeof(int64_t);
}

/* In nanoseconds; -1: there is none, or the kernel will refuse it. */
static int64_t read_limit(struct tracee *tracee, const struct wait_call *call)
{
	uint64_t argument = tracee->stop.args[call->argument];
	int64_t wide[2] = {-1, -1};
	int32_t narrow[2];

	if (call->limit == NO_LIMIT)
		return -1;
	if (call->limit == MILLISECONDS)
		return (int)argument < 0 ? -1 : (int64_t)(int)argument * NS_PER_MS;
	if (!argument)
		return -1;
	if (call->limit == TIMESPEC_32) {
		if (tracee_read(tracee, argument, narrow, sizeof(narrow)) < 0)
			return -1;
		wide[0] = narrow[0];
		wide[1] = narrow[1];
	} else if (tracee_read(tracee, argument, wide, sizeof(wide)) < 0) {
		return -1;
	}
	if (wide[0] < 0 || wide[0] > INT_MAX || wide[1] < 0 || wide[1] >= NS_PER_S)
		return -1;
	return wide[0] * NS_PER_S + wide[1];
}

static int write_limit(struct tracee *tracee, enum limit limit, uint64_t address,
		       int64_t left_ns)
{
	int64_t wide[2] = {left_ns / NS_PER_S, left_ns % NS_PER_S};
	int32_t narrow[2] = {(int32_t)wide[0], (int32_t)wide[1]};

	return tracee_write(tracee, address,
			    limit == TIMESPEC_32 ? (void *)narrow : (void *)wide,
			    size_of(limit));
}

/* ---- the calls that have one ---- */

static bool is_same_call(const struct waiting_call *wait, const struct stop *stop)
{
	return wait->number == stop->number && wait->ip == arch_ip(&stop->regs) &&
	       wait->sp == arch_sp(&stop->regs) &&
	       memcmp(wait->args, stop->args, sizeof(wait->args)) == 0;
}

static void note(struct waiting_call *wait, const struct stop *stop)
{
	wait->number = stop->number;
	wait->ip = arch_ip(&stop->regs);
	wait->sp = arch_sp(&stop->regs);
	memcpy(wait->args, stop->args, sizeof(wait->args));
	wait->begun_ns = clock_now_ns();
}

/* Only what is left of the limit is waited for. */
static enum verdict shorten(struct tracee *tracee, const struct wait_call *call,
			    int64_t limit_ns)
{
	int64_t left_ns = tracee->wait.begun_ns + limit_ns - clock_now_ns();
	enum verdict verdict;
	uint64_t value;

	left_ns = left_ns < 0 ? 0 : left_ns;
	if (call->limit == MILLISECONDS) {
		value = (uint64_t)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
	} else {
		value = tracee_slot(tracee, &verdict);
		if (!value) { /* this call comes once more, when there is room */
			tracee->wait.again = true;
			return verdict;
		}
		if (write_limit(tracee, call->limit, value, left_ns) < 0) {
			tracee_free_slot(tracee);
			return tracee_answer(tracee, -EINTR);
		}
	}
	arch_set_argument(&tracee->stop.regs, call->argument, value);
	tracee->stop.dirty = true;
	tracee->stop.leave = tracee_leave_as_is;
	return VERDICT_AT_EXIT;
}

HANDLER(enter_wait)
{
	const struct wait_call *call = find(&tracee->stop);
	struct waiting_call *wait = &tracee->wait;
	bool again = wait->again && is_same_call(wait, &tracee->stop);
	int64_t limit_ns;

	(void)run;
	wait->again = false;
	if (!call)
		return VERDICT_PASS;
	if (!again) {
		note(wait, &tracee->stop);
		return VERDICT_PASS;
	}
	limit_ns = read_limit(tracee, call);
	return limit_ns < 0 ? VERDICT_PASS : shorten(tracee, call, limit_ns);
}

/* ---- when a signal has come ---- */

bool waits_concern(long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return number >= 0;
	return false;
}

bool waits_interrupted(struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	tracee->wait.again = false;
	return (result == -EINTR || result == -ERESTARTNOHAND) && find(&tracee->stop);
}

void waits_begin_again(struct tracee *tracee)
{
	const struct wait_call *call = find(&tracee->stop);

	/* Where it is not known since when it waits it must not wait anew. */
	if (read_limit(tracee, call) >= 0) {
		if (!is_same_call(&tracee->wait, &tracee->stop))
			return;
		tracee->wait.again = true;
	}
	arch_set_result(&tracee->stop.regs, -ERESTARTNOHAND);
	tracee->stop.dirty = true;
	tracee_store(tracee);
}

void waits_end(struct tracee *tracee)
{
	arch_set_result(&tracee->stop.regs, -EINTR);
	arch_set_number(&tracee->stop.regs, -1);
	tracee->stop.dirty = true;
	tracee_store(tracee);
}
