/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of a stopped tracee. */
#include <elf.h>
#include <errno.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tracee/tracee.h"

static int set_number(struct tracee *tracee, int number)
{
#ifdef NT_ARM_SYSTEM_CALL
	if (arch_audit == 0xc00000b7u) { /* aarch64 keeps it outside the registers */
		struct iovec iov = {&number, sizeof(number)};

		if (ptrace(PTRACE_SETREGSET, tracee->tid, NT_ARM_SYSTEM_CALL, &iov) < 0)
			return -errno;
	}
#else
	(void)tracee;
	(void)number;
#endif
	return 0;
}

int tracee_fetch(struct tracee *tracee)
{
	struct stop *stop = &tracee->stop;
	struct iovec iov = {stop->regs.raw, sizeof(stop->regs.raw)};

	if (ptrace(PTRACE_GETREGSET, tracee->tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	stop->regs.size = iov.iov_len;
	stop->saved = stop->regs;
	stop->dirty = false;
	stop->errand_count = 0;
	stop->number = arch_number(&stop->regs);
	for (unsigned int i = 0; i < 6; i++)
		stop->args[i] = arch_argument(&stop->regs, i);
	return 0;
}

int tracee_fetch_result(struct tracee *tracee)
{
	struct stop *stop = &tracee->stop;
	struct iovec iov = {stop->regs.raw, sizeof(stop->regs.raw)};

	if (ptrace(PTRACE_GETREGSET, tracee->tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	stop->regs.size = iov.iov_len;
	stop->dirty = false;
	return 0;
}

enum verdict tracee_finish(struct tracee *tracee, int64_t result)
{
	tracee->stop.regs = tracee->stop.saved;
	arch_set_result(&tracee->stop.regs, result);
	tracee->stop.dirty = true;
	tracee_free_slot(tracee);
	return VERDICT_PASS;
}

enum verdict tracee_again(struct tracee *tracee)
{
	tracee->stop.regs = tracee->stop.saved;
	arch_restart(&tracee->stop.regs, tracee->stop.number);
	tracee->stop.dirty = true;
	tracee_free_slot(tracee);
	return VERDICT_PASS;
}

int tracee_store(struct tracee *tracee)
{
	struct stop *stop = &tracee->stop;
	struct iovec iov = {stop->regs.raw, stop->regs.size};
	long number = arch_number(&stop->regs);

	if (!stop->dirty)
		return 0;
	stop->dirty = false;
	if (ptrace(PTRACE_SETREGSET, tracee->tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	if (number != stop->number)
		return set_number(tracee, (int)number);
	return 0;
}

enum verdict tracee_answer(struct tracee *tracee, int64_t result)
{
	/* Number -1: the kernel skips the call and leaves our result (seccomp(2)). */
	arch_set_number(&tracee->stop.regs, -1);
	arch_set_result(&tracee->stop.regs, result);
	tracee->stop.dirty = true;
	return VERDICT_ANSWER;
}

uint64_t tracee_clone_flags(struct tracee *tracee)
{
	struct arch_regs regs; /* `stop` may be in use: the call has not ended yet */
	struct iovec iov = {regs.raw, sizeof(regs.raw)};
	uint64_t flags = 0;
	long number;

	if (ptrace(PTRACE_GETREGSET, tracee->tid, NT_PRSTATUS, &iov) < 0)
		return 0;
	number = arch_number(&regs);
	if (number == SYS_clone)
		return arch_argument(&regs, 0);
	if (number == SYS_clone3) {
		/* struct clone_args begins with its flags (clone(2)). */
		if (tracee_read(tracee, arch_argument(&regs, 0), &flags,
				sizeof(flags)) < 0)
			return 0;
		return flags;
	}
#ifdef SYS_vfork
	if (number == SYS_vfork)
		return CLONE_VM | CLONE_VFORK;
#endif
	return 0;
}
