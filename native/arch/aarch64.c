/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aarch64. The order of registers is that of struct user_pt_regs, <asm/ptrace.h>;
 * behind them stands the call's number, which tracee/stop.c moves by
 * NT_ARM_SYSTEM_CALL: x8 is what the program put there and has no effect once the call
 * has been entered. */
#if defined(__aarch64__)

#include <asm/unistd.h>
#include <linux/audit.h>

#include "arch/arch.h"

enum {
	REG_X0 = 0,
	REG_X8 = 8,
	REG_SP = 31,
	REG_PC = 32,
	REG_COUNT = 34,
	REG_NUMBER = 34
};

_Static_assert(REG_NUMBER < sizeof(((struct arch_regs *)0)->raw) / sizeof(uint64_t),
	       "struct arch_regs is too small");

/* svc #0, little-endian as all instructions of this architecture. */
const struct arch_instruction arch_call_instruction[ARCH_ABIS] = {
	[ARCH_OWN] = {{0x01, 0x00, 0x00, 0xd4}, 4}};
const uint32_t arch_audit[ARCH_ABIS] = {AUDIT_ARCH_AARCH64, 0};

static const int16_t numbers[ARCH_CALLS] = {
	[ARCH_CLONE] = __NR_clone,
	[ARCH_CLONE3] = 435,
	[ARCH_CLOSE] = __NR_close,
	[ARCH_EXECVEAT] = __NR_execveat,
	[ARCH_FCHDIR] = __NR_fchdir,
	[ARCH_LSEEK] = __NR_lseek,
	[ARCH_MMAP] = __NR_mmap,
	[ARCH_OPEN] = -1,
	[ARCH_OPENAT] = __NR_openat,
	[ARCH_OPENAT2] = 437,
	[ARCH_PRCTL] = __NR_prctl,
	[ARCH_RECVMSG] = __NR_recvmsg,
	[ARCH_SCHED_YIELD] = __NR_sched_yield,
	[ARCH_SOCKETPAIR] = __NR_socketpair,
	[ARCH_SECCOMP] = __NR_seccomp,
	[ARCH_VFORK] = -1,
};
const uint64_t arch_map_low = 0;

long arch_call(const struct arch_regs *regs, enum arch_call call)
{
	(void)regs;
	return numbers[call];
}

/* AArch32 programs are not stopped at all. */
enum arch_abi arch_abi_of_mode(const struct arch_regs *regs)
{
	(void)regs;
	return ARCH_OWN;
}

size_t arch_pointer_size(const struct arch_regs *regs)
{
	(void)regs;
	return 8;
}

uint64_t arch_address_end(const struct arch_regs *regs)
{
	(void)regs;
	return UINT64_MAX;
}

long arch_number(const struct arch_regs *regs)
{
	return (int32_t)regs->raw[REG_NUMBER];
}

uint64_t arch_argument(const struct arch_regs *regs, unsigned int position)
{
	return position < 6 ? regs->raw[REG_X0 + position] : 0;
}

int64_t arch_result(const struct arch_regs *regs)
{
	return (int64_t)regs->raw[REG_X0];
}

bool arch_is_own(const struct arch_regs *regs)
{
	(void)regs;
	return true;
}

uint64_t arch_ip(const struct arch_regs *regs)
{
	return regs->raw[REG_PC];
}

uint64_t arch_sp(const struct arch_regs *regs)
{
	return regs->raw[REG_SP];
}

void arch_set_number(struct arch_regs *regs, long number)
{
	regs->raw[REG_NUMBER] = (uint64_t)number;
}

void arch_set_argument(struct arch_regs *regs, unsigned int position, uint64_t value)
{
	if (position < 6)
		regs->raw[REG_X0 + position] = value;
}

void arch_set_result(struct arch_regs *regs, int64_t value)
{
	regs->raw[REG_X0] = (uint64_t)value;
}

void arch_set_ip(struct arch_regs *regs, uint64_t ip)
{
	regs->raw[REG_PC] = ip;
}

/* x0 holds the result at an exit stop: the caller sets argument 0 again. */
void arch_restart(struct arch_regs *regs, long number)
{
	regs->raw[REG_PC] -= arch_call_instruction[ARCH_OWN].size;
	regs->raw[REG_X8] = (uint64_t)number;
	regs->raw[REG_NUMBER] = (uint64_t)-1;
}

/* There is no stub for this machine yet, so nobody asks. */
void arch_run_loader(struct arch_regs *regs, uint64_t ip, uint64_t data,
		     uint64_t ret_saved[ARCH_SAVED])
{
	(void)regs;
	(void)ip;
	(void)data;
	(void)ret_saved;
}

void arch_leave_stub(struct arch_regs *regs, const uint64_t *frame, uint64_t sp)
{
	(void)regs;
	(void)frame;
	(void)sp;
}

uint64_t arch_stub_frame(const struct arch_regs *regs)
{
	return regs->raw[REG_PC];
}

#else
typedef int arch_other_than_aarch64;
#endif
