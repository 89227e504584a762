/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace: a process has one tracer. */
#include <errno.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "exec/notice.h"
#include "syscalls/handlers.h"

static enum verdict leave_ptrace(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	if (result == -EPERM)
		notice_no_tracer(run);
	return tracee_finish(tracee, result);
}

/* A thread of the tracer, or front. */
static bool is_our_own(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)pid);
	return pid > 1 && (pid == getppid() || access(path, F_OK) == 0);
}

/* The kernel refuses it for processes of the job, and we for those that serve it: once
 * stopped, they would stop the job too. Who asked is told why. */
HANDLER(enter_ptrace)
{
	if (tracee->stop.args[0] != PTRACE_TRACEME &&
	    is_our_own((pid_t)tracee->stop.args[1])) {
		notice_no_tracer(run);
		return tracee_answer(tracee, -EPERM);
	}
	tracee->stop.leave = leave_ptrace;
	return VERDICT_AT_EXIT;
}
