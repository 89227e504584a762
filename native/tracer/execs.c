/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execve by a thread that is not the leader: the leader is gone without a word, and the
 * thread goes on under the leader's id (ptrace(2), "execve(2) under ptrace"). A stop of
 * the leader that was collected before is then no stop of whom that id is: to answer it
 * would let the new program run before its exec event was seen. So while such a call
 * is under way all that comes for the leader is held. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "syscalls/syscalls.h"
#include "tracer/tracer.h"

static bool is_leader(const struct tracee *tracee)
{
	return tracee->tid == tracee->process->tgid;
}

bool execs_hold(const struct tracee *tracee)
{
	return tracee->process->execs > 0 && is_leader(tracee);
}

enum verdict execs_begin(struct tracee *tracee, enum verdict verdict)
{
	if (is_leader(tracee) || !syscalls_is_exec(tracee) ||
	    verdict == VERDICT_ANSWER || verdict == VERDICT_WAIT)
		return verdict;
	tracee->process->execs += !tracee->in_exec;
	tracee->in_exec = true;
	return VERDICT_AT_EXIT; /* if it fails we have to hear of it */
}

struct tracee *execs_end(struct tracer *tracer, struct tracee *tracee, int *ret_status)
{
	struct tracee *leader;
	bool answered;

	if (!tracee->in_exec)
		return NULL;
	tracee->in_exec = false;
	if (--tracee->process->execs > 0)
		return NULL;
	leader = tracees_find(tracer->tracees, tracee->process->tgid);
	if (!leader)
		return NULL;
	*ret_status = leader->held_status;
	answered = leader->held_answer && leader->state == TRACEE_WAITING;
	leader->held_status = 0;
	leader->held_answer = false;
	return *ret_status || answered ? leader : NULL;
}

void execs_take_over(struct tracer *tracer, struct tracee *leader, pid_t former)
{
	struct tracee *thread = tracees_find(tracer->tracees, former);
	struct tracee old = *leader;

	leader->held_status = 0; /* it was the old leader's */
	leader->held_answer = false;
	if (!thread || thread == leader)
		return;
	leader->state = thread->state;
	leader->question = thread->question;
	leader->tries = thread->tries;
	leader->stop = thread->stop;
	leader->pending_exec = thread->pending_exec;
	thread->question = old.question;
	thread->stop = old.stop;
	thread->pending_exec = old.pending_exec;
	leader->process->execs -= thread->in_exec;
	syscalls_gone(tracer->run, thread);
	tracees_remove(tracer->tracees, thread);
}

/* ---- an exec that fails too late ----
 * When the old program is gone and the new one cannot be made (RLIMIT_AS), the thread
 * has the leader's id already, there is no event, and the call ends with SIGSEGV. */

struct search {
	const struct tracee *leader;
	pid_t found;
};

/* A thread in execve whose id is gone, while we have not seen it end, is the leader
 * now. */
static void look_for_taker(struct tracee *tracee, void *context)
{
	struct search *search = context;

	if (tracee->in_exec && tracee->process == search->leader->process &&
	    syscall(SYS_tgkill, tracee->process->tgid, tracee->tid, 0) < 0 &&
	    errno == ESRCH)
		search->found = tracee->tid;
}

/* What was collected may still be a stop of the old leader: what is it in now? */
static bool is_at_exit(pid_t tid)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, tid, 0, &info) == 0 &&
	       info.si_code == (SIGTRAP | 0x80);
}

enum execs_leader execs_who_leads(struct tracer *tracer, struct tracee *leader)
{
	struct search search = {.leader = leader};

	tracees_each(tracer->tracees, look_for_taker, &search);
	if (!search.found)
		return EXECS_OLD_LEADER;
	if (!is_at_exit(leader->tid))
		return EXECS_OTHER_STOP;
	execs_take_over(tracer, leader, search.found);
	leader->stop.leave = NULL; /* there is nobody to whom a result could matter */
	return EXECS_NEW_LEADER;
}

struct ended {
	struct tracer *tracer;
	const struct tracee *leader;
};

static void forget_thread(struct tracee *tracee, void *context)
{
	const struct ended *ended = context;

	if (tracee == ended->leader || tracee->process != ended->leader->process)
		return;
	syscalls_gone(ended->tracer->run, tracee);
	tracees_remove(ended->tracer->tracees, tracee);
}

void execs_leader_ended(struct tracer *tracer, struct tracee *leader)
{
	struct ended ended = {tracer, leader};

	/* The kernel tells of a leader's end after that of all others. */
	if (is_leader(leader) && leader->process->users > 1)
		tracees_each(tracer->tracees, forget_thread, &ended);
}
