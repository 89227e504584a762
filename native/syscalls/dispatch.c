/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four moments of a tracee: entry, exit, exec event, end. */
#include "syscalls/exec.h"
#include "syscalls/handlers.h"

/* A thread in a loop makes the same call again: try the row of its last stop first. */
static const struct syscall_row *row_of(struct tracee *tracee)
{
	const struct syscall_row *row = tracee->stop.row;

	if (!row || row->number != tracee->stop.number)
		row = syscall_row_of(tracee->stop.number);
	return row;
}

enum verdict syscalls_enter(struct run *run, struct tracee *tracee)
{
	enum verdict verdict = VERDICT_PASS;

	tracee->stop.row = row_of(tracee);
	tracee->stop.leave = NULL;
	if (tracee->stop.row && !tracee->process->other_root)
		verdict = tracee->stop.row->enter(run, tracee);
	switch (verdict) {
	case VERDICT_ANSWER:
		run->counters.answered++;
		break;
	case VERDICT_AT_EXIT:
		run->counters.redirected++;
		break;
	case VERDICT_WAIT:
		return verdict;
	case VERDICT_PASS:
		break;
	}
	tracee->question = 0;
	return verdict;
}

enum verdict syscalls_leave(struct run *run, struct tracee *tracee)
{
	stop_handler leave = tracee->stop.leave;

	if (!leave || tracee_fetch_result(tracee) < 0)
		return VERDICT_PASS;
	return leave(run, tracee);
}

enum verdict syscalls_exec(struct run *run, struct tracee *tracee)
{
	return exec_event(run, tracee);
}

void syscalls_gone(struct run *run, struct tracee *tracee)
{
	(void)run;
	exec_forget(tracee);
}
