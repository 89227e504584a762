/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One stop: which kind it is, who answers it, how the tracee goes on. That a tracee is
 * gone (ESRCH) is normal at every step: its end is reported by a later wait. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fast/fast.h"
#include "run/clock.h"
#include "run/trace.h"
#include "syscalls/syscalls.h"
#include "syscalls/transfers.h"
#include "syscalls/waits.h"
#include "tracer/inner.h"
#include "tracer/tracer.h"

static const int call_stop = SIGTRAP | 0x80; /* PTRACE_O_TRACESYSGOOD */

static void stops_resume(struct tracee *tracee, int signal)
{
	int request = tracee->state == TRACEE_IN_CALL ? PTRACE_SYSCALL : PTRACE_CONT;

	if (tracee->state != TRACEE_IN_CALL)
		tracee->state = TRACEE_RUNNING;
	ptrace(request, tracee->tid, 0, (uintptr_t)signal);
}

static void stops_expect_entry(struct tracer *tracer, pid_t tid)
{
	if (tracer->at_entry_count == tracer->at_entry_capacity) {
		size_t capacity = tracer->at_entry_capacity * 2 + 8;
		pid_t *grown = realloc(tracer->at_entry, capacity * sizeof(*grown));

		if (!grown)
			return;
		tracer->at_entry = grown;
		tracer->at_entry_capacity = capacity;
	}
	tracer->at_entry[tracer->at_entry_count++] = tid;
}

static bool stops_take_entry(struct tracer *tracer, pid_t tid)
{
	for (size_t i = 0; i < tracer->at_entry_count; i++) {
		if (tracer->at_entry[i] == tid) {
			tracer->at_entry[i] =
				tracer->at_entry[--tracer->at_entry_count];
			return true;
		}
	}
	return false;
}

/* Carries out a verdict; the tracee runs afterwards unless it waits. */
static void stops_apply(struct tracer *tracer, struct tracee *tracee,
			enum verdict verdict)
{
	if (verdict == VERDICT_WAIT) {
		tracee->state = TRACEE_WAITING;
		tracer->asked = true;
		waiters_note(tracer);
		return;
	}
	tracee->question = 0;
	if (tracee->stop.dirty && tracee_store(tracee) == -ESRCH)
		return;
	tracee->state = verdict == VERDICT_AT_EXIT ? TRACEE_IN_CALL : TRACEE_RUNNING;
	stops_resume(tracee, 0);
}

/* A call that waits will be decided once more. */
static void stops_trace(struct trace *trace, const struct tracee *tracee,
			enum verdict verdict, uint32_t flags)
{
	if (verdict == VERDICT_WAIT)
		trace_discard(trace);
	else
		trace_write(trace, tracee, verdict, flags);
}

void stops_enter(struct tracer *tracer, struct tracee *tracee)
{
	const struct counters before = tracer->run->counters;
	enum verdict verdict = syscalls_enter(tracer->run, tracee);

	inner_count(tracer->run, tracee, &before);
	if (tracer->run->trace)
		stops_trace(tracer->run->trace, tracee, verdict, TRACE_ENTRY);
	stops_apply(tracer, tracee, execs_begin(tracee, verdict));
}

/* An exec of this thread has failed, or it has ended: the leader goes on. */
static void stops_exec_is_over(struct tracer *tracer, struct tracee *tracee)
{
	int status;
	struct tracee *leader = execs_end(tracer, tracee, &status);

	if (leader && status)
		stops_handle(tracer, leader->tid, status);
	else if (leader)
		stops_enter(tracer, leader);
}

static void stops_seccomp(struct tracer *tracer, struct tracee *tracee)
{
	const struct counters before = tracer->run->counters;

	tracer->run->counters.stops++;
	inner_count(tracer->run, tracee, &before);
	/* After a verdict AT_EXIT of an exit stop this call had an entry stop before.
	 */
	if (tracer->at_entry_count)
		stops_take_entry(tracer, tracee->tid);
	if (tracee_fetch(tracee) == 0)
		stops_enter(tracer, tracee);
	else
		stops_resume(tracee, 0);
}

static void stops_call(struct tracer *tracer, struct tracee *tracee)
{
	struct counters before;
	enum verdict verdict;

	if (tracer->at_entry_count && stops_take_entry(tracer, tracee->tid)) {
		tracee->state = TRACEE_IN_CALL;
		stops_resume(tracee, 0);
		return;
	}
	stops_exec_is_over(tracer, tracee);
	before = tracer->run->counters;
	tracer->run->counters.exit_stops++;
	verdict = syscalls_leave(tracer->run, tracee);
	inner_count(tracer->run, tracee, &before);
	if (tracer->run->trace)
		stops_trace(tracer->run->trace, tracee, verdict, TRACE_EXIT);
	if (verdict == VERDICT_AT_EXIT)
		stops_expect_entry(tracer, tracee->tid);
	stops_apply(tracer, tracee, verdict);
}

static void stops_exec(struct tracer *tracer, struct tracee *tracee)
{
	unsigned long former = 0;

	if (ptrace(PTRACE_GETEVENTMSG, tracee->tid, 0, &former) == 0)
		execs_take_over(tracer, tracee, (pid_t)former);
	if (tracee_after_exec(tracee) < 0) {
		kill(tracee->tid, SIGKILL);
		return;
	}
	if (tracee_fetch_program(tracee) < 0)
		return;
	stops_apply(tracer, tracee, syscalls_exec(tracer->run, tracee));
}

static void stops_main_stopped(struct tracer *tracer, int signal)
{
	struct event event = {.kind = EVENT_STOPPED, .number = signal};

	if (tracer->main_stopped)
		return;
	tracer->main_stopped = true;
	event_send(tracer->front_fd, &event);
	/* SIGSTOP cannot be held back by front, so only who also continues it may send
	 * it without a race. */
	if (signal == SIGSTOP)
		kill(tracer->front_pid, SIGSTOP);
}

static void stops_main_continued(struct tracer *tracer)
{
	struct event event = {.kind = EVENT_CONTINUED};

	if (!tracer->main_stopped)
		return;
	tracer->main_stopped = false;
	event_send(tracer->front_fd, &event);
	kill(tracer->front_pid, SIGCONT);
}

static bool stops_concerns(long number)
{
	return waits_concern(number) || transfers_concern(number);
}

/* Natively a call goes on when a signal is ignored; 0: no signal at all, but a SIGCONT
 * that woke every thread for its tracer. Who is stopped has been interrupted. */
static void stops_interrupted(struct tracer *tracer, struct tracee *tracee, int signal)
{
	if (transfers_undo(tracee))
		stops_take_entry(tracer, tracee->tid);
	if (tracee->state != TRACEE_RUNNING ||
	    !tracee_fetch_ended(tracee, stops_concerns))
		return;
	if (waits_interrupted(tracee)) {
		if (!signal || signals_ignored(tracee->tid, signal))
			waits_begin_again(tracee);
		else
			waits_end(tracee);
	} else if (transfers_cut(tracee) &&
		   (!signal || signals_ignored(tracee->tid, signal)) &&
		   transfers_go_on(tracee)) {
		stops_expect_entry(tracer, tracee->tid);
	}
}

/* The first stop of a child, a group stop, or the end of one. */
static void stops_event_stop(struct tracer *tracer, struct tracee *tracee, int signal)
{
	bool group_stop = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
			  signal == SIGTTOU;

	if (tracee->state == TRACEE_WAITING)
		return;
	inner_main_stopped(tracer->run, tracee, group_stop ? signal : 0);
	if (!group_stop) {
		if (tracee->tid == tracer->main_pid && !tracer->main_ended)
			stops_main_continued(tracer);
		stops_interrupted(tracer, tracee, 0);
		stops_resume(tracee, 0);
		return;
	}
	stops_interrupted(tracer, tracee, signal);
	/* The state stays: who is in a call is in it afterwards, too. */
	if (tracee->tid == tracer->main_pid && !tracer->main_ended)
		stops_main_stopped(tracer, signal);
	ptrace(PTRACE_LISTEN, tracee->tid, 0, 0);
}

static void stops_signal(struct tracer *tracer, struct tracee *tracee, int signal)
{
	if (fast_fault(tracer->run, tracee, signal)) {
		stops_resume(tracee, 0);
		return;
	}
	if (tracee->process && tracee->process->tgid == tracer->main_pid)
		signals_deliver(&tracer->signals, tracer->own_pid, tracee->tid, signal);
	inner_deliver(tracer->run, tracee, signal);
	stops_interrupted(tracer, tracee, signal);
	stops_resume(tracee, signal);
}

/* At the event of a fork, vfork or clone. */
static void stops_birth(struct tracer *tracer, struct tracee *parent)
{
	struct early_stop stop;

	if (births_of_parent(tracer, parent, &stop))
		stops_handle(tracer, stop.tid, stop.status);
	/* A vfork parent sleeps until its child's exec: it is not waited for. */
	stops_resume(parent, 0);
}

static void stops_stopped(struct tracer *tracer, struct tracee *tracee, int status)
{
	int signal = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_SECCOMP:
		stops_seccomp(tracer, tracee);
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		stops_birth(tracer, tracee);
		break;
	case PTRACE_EVENT_EXEC:
		stops_exec(tracer, tracee);
		break;
	case PTRACE_EVENT_STOP:
		stops_event_stop(tracer, tracee, signal);
		break;
	case 0:
		if (signal == call_stop)
			stops_call(tracer, tracee);
		else
			stops_signal(tracer, tracee, signal);
		break;
	default:
		stops_resume(tracee, 0);
	}
}

static void stops_ended(struct tracer *tracer, struct tracee *tracee, pid_t tid,
			int status)
{
	if (tracee) {
		/* The kernel tells of a leader that ended before its last thread with a
		 * signal of the clone's choice, perhaps none: look once more. */
		if (tracee->process && tracee->process->tgid != tid)
			tracer->recheck_ns = clock_now_ns() + 20 * 1000000LL;
		if (tracer->at_entry_count)
			stops_take_entry(tracer, tid);
		tracee->state = TRACEE_DEAD;
		stops_exec_is_over(tracer, tracee);
		execs_leader_ended(tracer, tracee);
		inner_gone(tracer->run, tracee);
		syscalls_gone(tracer->run, tracee);
		tracees_remove(tracer->tracees, tracee);
	}
	if (tid == tracer->main_pid && !tracer->main_ended) {
		stops_main_continued(tracer); /* a stopped front hears nothing */
		tracer->main_ended = true;
		tracer->hooks->main_ended(tracer->hooks->context, status);
	}
}

void stops_handle(struct tracer *tracer, pid_t tid, int status)
{
	struct tracee *tracee = tracees_find(tracer->tracees, tid);

	if (!WIFSTOPPED(status)) {
		int early;

		if (!tracee && tid != tracer->main_pid &&
		    (births_take_early(tracer, tid, &early) || !tracer->main_ended))
			births_keep_early(tracer, tid, status);
		stops_ended(tracer, tracee, tid, status);
		return;
	}
	if (tracer->ending) {
		kill(tid, SIGKILL);
		return;
	}
	if (!tracee) {
		/* The parent's event comes yet, or never: see births_adopt(). */
		births_keep_early(tracer, tid, status);
		return;
	}
	if (execs_hold(tracee) && status >> 16 != PTRACE_EVENT_EXEC) {
		switch (execs_who_leads(tracer, tracee)) {
		case EXECS_OLD_LEADER:
			tracee->held_status = status;
			return;
		case EXECS_OTHER_STOP:
			return; /* that will be collected, too */
		case EXECS_NEW_LEADER:
			break;
		}
	}
	stops_stopped(tracer, tracee, status);
}
