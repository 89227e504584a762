/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads whose call waits for an answer stand in a stop, where no signal reaches them
 * and nobody tells us that one came. So while there are such threads their pending
 * signals are looked at now and then; one that has any is sent back to before its call,
 * takes the signal, and asks again if it lives. A call that a signal ends with EINTR
 * has set `leave` to say so, and is skipped. */
#include <sys/ptrace.h>

#include "run/clock.h"
#include "run/errands.h"
#include "tracer/tracer.h"

static const int64_t look_ns = 100 * 1000000LL;

static bool has_signal(pid_t tid)
{
	struct signal_masks masks;

	signals_read(tid, &masks);
	return masks.pending & ~masks.blocked;
}

static void skip(struct tracee *tracee)
{
	tracee->question = 0;
	arch_set_number(&tracee->stop.regs, -1);
	tracee->stop.dirty = true;
	if (tracee_store(tracee) < 0)
		return;
	tracee->state = TRACEE_IN_CALL;
	ptrace(PTRACE_SYSCALL, tracee->tid, 0, 0);
}

static void send_back(struct tracee *tracee)
{
	tracee->question = 0;
	tracee->stop.regs = tracee->stop.saved;
	arch_restart(&tracee->stop.regs, tracee->stop.number);
	arch_set_number(&tracee->stop.regs, -1); /* this time the kernel skips it */
	tracee->stop.interrupted = true;
	tracee->stop.dirty = true;
	tracee_free_slot(tracee);
	if (tracee_store(tracee) < 0)
		return;
	tracee->state = TRACEE_RUNNING;
	ptrace(PTRACE_CONT, tracee->tid, 0, 0);
}

static void look_at(struct tracee *tracee, void *context)
{
	bool *waits = context;

	if (tracee->state != TRACEE_WAITING)
		return;
	if (execs_hold(tracee) || !has_signal(tracee->tid))
		*waits = true;
	else if (tracee->stop.leave)
		skip(tracee);
	else
		send_back(tracee);
}

void waiters_note(struct tracer *tracer)
{
	if (!tracer->waiters_ns)
		tracer->waiters_ns = clock_now_ns() + look_ns;
}

void waiters_tick(struct tracer *tracer, int64_t now_ns)
{
	bool waits = false;

	if (!tracer->waiters_ns || now_ns < tracer->waiters_ns)
		return;
	tracees_each(tracer->tracees, look_at, &waits);
	errands_urge(tracer->run->errands);
	tracer->waiters_ns = waits ? now_ns + look_ns : 0;
}
