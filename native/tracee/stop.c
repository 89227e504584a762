/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of a stopped tracee. */
#include <elf.h>
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#if defined(__x86_64__)
#include <sys/reg.h>
#endif
#include <sys/uio.h>

#include "tracee/kernel.h"
#include "tracee/tracee.h"

/* Linux 5.3; older headers lack it. */
static const int get_syscall_info = 0x420e; /* PTRACE_GET_SYSCALL_INFO */

#if defined(__x86_64__)
/* PTRACE_SETREGSET of 32-bit code would take the bases of segment registers away from a
 * 64-bit program that has jumped there. */
static int fetch_registers(struct tracee *tracee, struct arch_regs *ret_regs)
{
	return ptrace(PTRACE_GETREGS, tracee->tid, 0, ret_regs->raw) < 0 ? -errno : 0;
}

static int store_registers(struct tracee *tracee, struct arch_regs *regs)
{
	return ptrace(PTRACE_SETREGS, tracee->tid, 0, regs->raw) < 0 ? -errno : 0;
}
#else
/* aarch64 keeps the number outside the registers. */
static int fetch_number(struct tracee *tracee, struct arch_regs *regs)
{
#ifdef NT_ARM_SYSTEM_CALL
	int number;
	struct iovec iov = {&number, sizeof(number)};

	if (ptrace(PTRACE_GETREGSET, tracee->tid, NT_ARM_SYSTEM_CALL, &iov) < 0)
		return -errno;
	arch_set_number(regs, number);
#else
	(void)tracee;
	(void)regs;
#endif
	return 0;
}

static int fetch_registers(struct tracee *tracee, struct arch_regs *ret_regs)
{
	struct iovec iov = {ret_regs->raw, sizeof(ret_regs->raw)};

	if (ptrace(PTRACE_GETREGSET, tracee->tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	ret_regs->size = iov.iov_len;
	return fetch_number(tracee, ret_regs);
}

static int store_registers(struct tracee *tracee, struct arch_regs *regs)
{
	struct iovec iov = {regs->raw, regs->size};

	return ptrace(PTRACE_SETREGSET, tracee->tid, NT_PRSTATUS, &iov) < 0 ? -errno
									    : 0;
}
#endif

static int set_number(struct tracee *tracee, int number)
{
#ifdef NT_ARM_SYSTEM_CALL
	if (arch_audit[ARCH_OWN] == 0xc00000b7u) { /* aarch64 */
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

/* It was sent back for a signal, or had to make another call first. */
static bool is_the_same(const struct stop *stop, enum arch_abi abi)
{
	const struct arch_regs *now = &stop->regs, *before = &stop->saved;

	for (unsigned int i = 0; i < 6; i++)
		if (arch_argument(now, i) != stop->args[i])
			return false;
	return before->abi == abi && arch_number(now) == stop->number &&
	       arch_ip(now) == arch_ip(before) && arch_sp(now) == arch_sp(before);
}

static void begin(struct tracee *tracee, enum arch_abi abi)
{
	struct stop *stop = &tracee->stop;

	if (stop->errand_count && !(stop->interrupted && is_the_same(stop, abi)))
		tracee_forget_errands(tracee);
	stop->interrupted = false;
	if (stop->regs.abi != abi)
		stop->row = NULL; /* of another table */
	stop->regs.abi = abi;
	stop->saved = stop->regs;
	stop->dirty = false;
	stop->number = arch_number(&stop->regs);
	for (unsigned int i = 0; i < 6; i++)
		stop->args[i] = arch_argument(&stop->regs, i);
}

/* By which instruction 64-bit code has called. */
static bool is_told(const struct tracee *tracee, enum arch_abi *ret_abi)
{
	uint32_t info[2]; /* struct ptrace_syscall_info begins: op, arch */

	if (!kernel_has(KERNEL_SYSCALL_INFO))
		return false;
	if (ptrace(get_syscall_info, tracee->tid, sizeof(info), info) < 0) {
		if (errno == EIO)
			kernel_has_not(KERNEL_SYSCALL_INFO);
		return false;
	}
	*ret_abi = info[1] == arch_audit[ARCH_I386] ? ARCH_I386 : ARCH_OWN;
	return true;
}

int tracee_fetch(struct tracee *tracee)
{
	int error = fetch_registers(tracee, &tracee->stop.regs);
	enum arch_abi abi = arch_abi_of_mode(&tracee->stop.regs);
	unsigned long message;

	if (error < 0)
		return error;
	if (arch_audit[ARCH_I386] && abi == ARCH_OWN &&
	    !arch_is_own(&tracee->stop.regs) && !is_told(tracee, &abi)) {
		/* What our filter says, unless one of the job's own says something. */
		if (ptrace(PTRACE_GETEVENTMSG, tracee->tid, 0, &message) < 0)
			return -errno;
		abi = message == ARCH_I386 ? ARCH_I386 : ARCH_OWN;
	}
	begin(tracee, abi);
	return 0;
}

int tracee_fetch_program(struct tracee *tracee)
{
	int error = fetch_registers(tracee, &tracee->stop.regs);

	if (error < 0)
		return error;
	begin(tracee, arch_abi_of_mode(&tracee->stop.regs));
	tracee->memory->narrow = tracee->stop.regs.abi != ARCH_OWN;
	return 0;
}

/* Asked at every signal: one register costs less than all of them. */
static bool may_concern(const struct tracee *tracee, bool (*concerns)(long number))
{
#if defined(__x86_64__)
	long number;

	errno = 0;
	number = ptrace(PTRACE_PEEKUSER, tracee->tid, ORIG_RAX * sizeof(long), 0);
	return errno == 0 && concerns((int32_t)number);
#else
	(void)tracee;
	(void)concerns;
	return true;
#endif
}

bool tracee_fetch_ended(struct tracee *tracee, bool (*concerns)(long number))
{
	struct arch_regs *regs = &tracee->stop.regs;
	enum arch_abi abi;

	if (!may_concern(tracee, concerns) || fetch_registers(tracee, regs) < 0 ||
	    !concerns(arch_number(regs)))
		return false;
	abi = arch_abi_of_mode(regs);
	regs->abi = abi;
	/* Neither interrupted nor cut: no second question. */
	if (arch_result(regs) == 0)
		return false;
	if (arch_audit[ARCH_I386] && abi == ARCH_OWN)
		is_told(tracee, &abi);
	begin(tracee, abi);
	return true;
}

int tracee_fetch_result(struct tracee *tracee)
{
	tracee->stop.dirty = false;
	return fetch_registers(tracee, &tracee->stop.regs);
}

enum verdict tracee_finish(struct tracee *tracee, int64_t result)
{
	tracee->stop.regs = tracee->stop.saved;
	arch_set_result(&tracee->stop.regs, result);
	tracee->stop.dirty = true;
	tracee_free_slot(tracee);
	return VERDICT_PASS;
}

enum verdict tracee_interrupted(struct tracee *tracee)
{
	const int64_t restart = -512; /* ERESTARTSYS, of the kernel's own */

	/* Another thread may take the signal first: without this one the kernel would
	 * not look at the result again, and the program would see it. */
	ptrace(PTRACE_INTERRUPT, tracee->tid, 0, 0);
	return tracee_finish(tracee, restart);
}

enum verdict tracee_again(struct tracee *tracee)
{
	tracee->stop.regs = tracee->stop.saved;
	arch_restart(&tracee->stop.regs, tracee->stop.number);
	tracee->stop.dirty = true;
	tracee_free_slot(tracee);
	return VERDICT_PASS;
}

void tracee_tried(struct tracee *tracee, enum verdict verdict)
{
	if (verdict != VERDICT_WAIT && !tracee->stop.absent)
		tracee->tries = 0;
}

void tracee_undo(struct tracee *tracee)
{
	tracee->stop.regs = tracee->stop.saved;
	tracee->stop.dirty = false;
	tracee->stop.leave = NULL;
	tracee_free_slot(tracee);
}

int tracee_store(struct tracee *tracee)
{
	struct stop *stop = &tracee->stop;
	long number = arch_number(&stop->regs);
	int error;

	if (!stop->dirty)
		return 0;
	stop->dirty = false;
	error = store_registers(tracee, &stop->regs);
	if (error < 0)
		return error;
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

int tracee_block_signals(struct tracee *tracee, uint64_t *ret_mask)
{
	uint64_t all = UINT64_MAX;

	if (ptrace(PTRACE_GETSIGMASK, tracee->tid, sizeof(*ret_mask), ret_mask) < 0 ||
	    ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(all), &all) < 0)
		return -errno;
	return 0;
}

int tracee_restore_signals(struct tracee *tracee, uint64_t mask)
{
	return ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(mask), &mask) < 0 ? -errno
									       : 0;
}

int tracee_fetch_fault(struct tracee *tracee, struct arch_regs *ret_regs)
{
	siginfo_t info;

	if (ptrace(PTRACE_GETSIGINFO, tracee->tid, 0, &info) < 0)
		return -errno;
	if (info.si_code <= 0) /* kill(2) and its like */
		return -EINVAL;
	return fetch_registers(tracee, ret_regs);
}

int tracee_store_fault(struct tracee *tracee, struct arch_regs *regs)
{
	return store_registers(tracee, regs);
}

uint64_t tracee_clone_flags(struct tracee *tracee)
{
	struct arch_regs regs; /* `stop` may be in use: the call has not ended yet */
	uint64_t flags = 0;
	long number;

	if (fetch_registers(tracee, &regs) < 0)
		return 0;
	regs.abi = arch_abi_of_mode(&regs);
	if (arch_audit[ARCH_I386] && regs.abi == ARCH_OWN)
		is_told(tracee, &regs.abi);
	number = arch_number(&regs);
	if (number == arch_call(&regs, ARCH_CLONE))
		return arch_argument(&regs, 0);
	if (number == arch_call(&regs, ARCH_CLONE3)) {
		/* struct clone_args begins with its flags (clone(2)). */
		if (tracee_read(tracee, arch_argument(&regs, 0), &flags,
				sizeof(flags)) < 0)
			return 0;
		return flags;
	}
	if (number == arch_call(&regs, ARCH_VFORK))
		return CLONE_VM | CLONE_VFORK;
	return 0;
}
