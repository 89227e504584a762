/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that change who a process is; none carries a path. */
#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "fast/fast.h"
#include "syscalls/handlers.h"

static enum verdict leave_unshare(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);
	uint64_t flags = tracee->stop.args[0];

	(void)run;
	/* The kernel adds CLONE_FS to these two (unshare(2)). */
	if (result == 0 && flags & (CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER))
		tracee_own_footing(tracee);
	if (result == 0 && flags & CLONE_NEWNS)
		tracee->footing->stale = true;
	if (flags & CLONE_NEWUSER)
		tracee_new_credentials(tracee);
	return tracee_finish(tracee, result);
}

/* A process may get a root and mounts of its own, and in a user namespace of its own it
 * has other rights. */
HANDLER(enter_unshare)
{
	(void)run;
	if (!(tracee->stop.args[0] & (CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER)))
		return VERDICT_PASS;
	tracee->stop.leave = leave_unshare;
	return VERDICT_AT_EXIT;
}

static enum verdict leave_credentials(struct run *run, struct tracee *tracee)
{
	(void)run;
	tracee_new_credentials(tracee);
	return tracee_finish(tracee, arch_result(&tracee->stop.regs));
}

/* set*id, setgroups, capset: permission checks must ask /proc again, afterwards. */
HANDLER(enter_credentials)
{
	/* Another user's memory may be shut to us: a stub there could be told nothing.
	 */
	fast_leave(run, tracee);
	tracee->stop.leave = leave_credentials;
	return VERDICT_AT_EXIT;
}

/* CLONE_UNTRACED would let a child run behind the filter alone: ENOSYS for every path
 * call. The bit means nothing else. */
HANDLER(enter_clone)
{
	(void)run;
	arch_set_argument(&tracee->stop.regs, 0,
			  tracee->stop.args[0] & ~(uint64_t)CLONE_UNTRACED);
	tracee->stop.dirty = true;
	tracee->stop.leave = tracee_leave_as_is;
	return VERDICT_AT_EXIT;
}

static enum verdict leave_clone3(struct run *run, struct tracee *tracee)
{
	uint64_t flags = tracee->stop.note[0];

	(void)run;
	tracee_write(tracee, tracee->stop.args[0], &flags, sizeof(flags));
	return tracee_finish(tracee, arch_result(&tracee->stop.regs));
}

/* As clone, whose flags are in a register: here they begin the caller's struct
 * clone_args. Where that cannot be written the caller has to do without clone3. */
HANDLER(enter_clone3)
{
	uint64_t address = tracee->stop.args[0], flags, stripped;

	(void)run;
	if (tracee_read(tracee, address, &flags, sizeof(flags)) < 0 ||
	    !(flags & CLONE_UNTRACED))
		return VERDICT_PASS;
	stripped = flags & ~(uint64_t)CLONE_UNTRACED;
	if (tracee_write(tracee, address, &stripped, sizeof(stripped)) < 0)
		return tracee_answer(tracee, -ENOSYS);
	tracee->stop.note[0] = flags;
	tracee->stop.leave = leave_clone3;
	return VERDICT_AT_EXIT;
}

HANDLER(enter_seccomp)
{
	fast_leave(run, tracee);
	return VERDICT_PASS;
}

HANDLER(enter_prctl)
{
	/* Pretended: a process that is not dumpable hides /proc/PID from us. */
	if (tracee->stop.args[0] == PR_SET_DUMPABLE && tracee->stop.args[1] == 0)
		return tracee_answer(tracee, 0);
	/* What the stub does besides might not be allowed then. */
	if (tracee->stop.args[0] == PR_SET_SECCOMP ||
	    tracee->stop.args[0] == SYSCALLS_USER_DISPATCH)
		fast_leave(run, tracee);
	if (tracee->stop.args[0] == SYSCALLS_HYPERCALL)
		return (enum verdict)run->inside(run, tracee);
	return VERDICT_PASS;
}
