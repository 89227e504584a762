/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86_64, and i386 on it. Registers come in the order of struct user_regs_struct,
 * <sys/user.h>, whatever mode the code is in; the code segment tells the mode. 64-bit
 * code may make i386 calls too, by `int $0x80`: then the arguments are the low halves
 * of i386's registers. */
#if defined(__x86_64__)

#include <asm/unistd.h>
#include <linux/audit.h>

#include "arch/arch.h"

enum {
	REG_R15 = 0,
	REG_R14 = 1,
	REG_R13 = 2,
	REG_R12 = 3,
	REG_RBP = 4,
	REG_RBX = 5,
	REG_R11 = 6,
	REG_R10 = 7,
	REG_R9 = 8,
	REG_R8 = 9,
	REG_RAX = 10,
	REG_RCX = 11,
	REG_RDX = 12,
	REG_RSI = 13,
	REG_RDI = 14,
	REG_ORIG_RAX = 15,
	REG_RIP = 16,
	REG_CS = 17,
	REG_FLAGS = 18,
	REG_RSP = 19,
	REG_COUNT = 27
};

/* Code segments of 64-bit mode: Linux' own, and the one of Xen's guests. */
enum { SEGMENT_64 = 0x33, SEGMENT_64_XEN = 0xe033 };

_Static_assert(REG_COUNT <= sizeof(((struct arch_regs *)0)->raw) / sizeof(uint64_t),
	       "struct arch_regs is too small");

static const uint8_t argument_registers[ARCH_ABIS][6] = {
	[ARCH_OWN] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9},
	[ARCH_I386] = {REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP}};

/* `syscall`; `int $0x80`, which stands before the place where calls of the vdso by
 * other instructions come back to. Of one size: arch_restart() counts on it. */
const struct arch_instruction arch_call_instruction[ARCH_ABIS] = {
	[ARCH_OWN] = {{0x0f, 0x05}, 2}, [ARCH_I386] = {{0xcd, 0x80}, 2}};
const uint32_t arch_audit[ARCH_ABIS] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};

static const int16_t numbers[ARCH_CALLS][ARCH_ABIS] = {
	[ARCH_CLONE] = {__NR_clone, 120},
	[ARCH_CLONE3] = {435, 435},
	[ARCH_CLOSE] = {__NR_close, 6},
	[ARCH_EXECVEAT] = {__NR_execveat, 358},
	[ARCH_FCHDIR] = {__NR_fchdir, 133},
	[ARCH_LSEEK] = {__NR_lseek, 19},
	[ARCH_MMAP] = {__NR_mmap, 192}, /* mmap2 */
	[ARCH_OPEN] = {__NR_open, 5},
	[ARCH_OPENAT] = {__NR_openat, 295},
	[ARCH_OPENAT2] = {437, 437},
	[ARCH_PRCTL] = {__NR_prctl, 172},
	[ARCH_RECVMSG] = {__NR_recvmsg, 372},
	[ARCH_SCHED_YIELD] = {__NR_sched_yield, 158},
	[ARCH_SOCKETPAIR] = {__NR_socketpair, 360},
	[ARCH_SECCOMP] = {__NR_seccomp, 354},
	[ARCH_VFORK] = {__NR_vfork, 190},
};
const uint64_t arch_map_low = 0x40; /* MAP_32BIT */

long arch_call(const struct arch_regs *regs, enum arch_call call)
{
	return numbers[call][regs->abi];
}

enum arch_abi arch_abi_of_mode(const struct arch_regs *regs)
{
	uint64_t segment = regs->raw[REG_CS];

	return segment == SEGMENT_64 || segment == SEGMENT_64_XEN ? ARCH_OWN
								  : ARCH_I386;
}

/* The processor leaves where `syscall` returns to in rcx and the flags in r11. By `int
 * $0x80` they are the program's, and the low half of rcx is an argument. */
bool arch_is_own(const struct arch_regs *regs)
{
	uint64_t ip = regs->raw[REG_RIP];

	return arch_abi_of_mode(regs) == ARCH_OWN && ip >> 32 &&
	       regs->raw[REG_RCX] == ip && regs->raw[REG_R11] == regs->raw[REG_FLAGS];
}

size_t arch_pointer_size(const struct arch_regs *regs)
{
	return regs->abi == ARCH_I386 ? 4 : 8;
}

uint64_t arch_address_end(const struct arch_regs *regs)
{
	return regs->abi == ARCH_I386 ? 1ull << 32 : UINT64_MAX;
}

long arch_number(const struct arch_regs *regs)
{
	/* The kernel looks at the low half only. */
	return (int32_t)regs->raw[REG_ORIG_RAX];
}

uint64_t arch_argument(const struct arch_regs *regs, unsigned int position)
{
	uint64_t value;

	if (position >= 6)
		return 0;
	value = regs->raw[argument_registers[regs->abi][position]];
	return regs->abi == ARCH_I386 ? (uint32_t)value : value;
}

/* The kernel keeps all 64 bits of a result: only an errno is negative. */
int64_t arch_result(const struct arch_regs *regs)
{
	return (int64_t)regs->raw[REG_RAX];
}

uint64_t arch_ip(const struct arch_regs *regs)
{
	return regs->raw[REG_RIP];
}

uint64_t arch_sp(const struct arch_regs *regs)
{
	return regs->raw[REG_RSP];
}

void arch_set_number(struct arch_regs *regs, long number)
{
	regs->raw[REG_ORIG_RAX] = (uint64_t)number;
}

void arch_set_argument(struct arch_regs *regs, unsigned int position, uint64_t value)
{
	if (regs->abi == ARCH_I386)
		value = (uint32_t)value;
	if (position < 6)
		regs->raw[argument_registers[regs->abi][position]] = value;
}

void arch_set_result(struct arch_regs *regs, int64_t value)
{
	regs->raw[REG_RAX] = (uint64_t)value;
}

void arch_set_ip(struct arch_regs *regs, uint64_t ip)
{
	regs->raw[REG_RIP] = ip;
}

void arch_restart(struct arch_regs *regs, long number)
{
	regs->raw[REG_RIP] -= arch_call_instruction[regs->abi].size;
	regs->raw[REG_RAX] = (uint64_t)number;
	/* No call is under way: a signal now must not make the kernel restart it too.
	 */
	regs->raw[REG_ORIG_RAX] = (uint64_t)-1;
}

void arch_run_loader(struct arch_regs *regs, uint64_t ip, uint64_t data,
		     uint64_t ret_saved[ARCH_SAVED])
{
	static const uint8_t order[ARCH_SAVED] = {
		REG_ORIG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI,
		REG_RDI,      REG_RBP, REG_R8,	REG_R9,	 REG_R10,
		REG_R11,      REG_R12, REG_R13, REG_R14, REG_R15};

	for (unsigned int i = 0; i < ARCH_SAVED; i++)
		ret_saved[i] = regs->raw[order[i]];
	regs->raw[REG_R15] = data;
	regs->raw[REG_RIP] = ip;
	regs->raw[REG_ORIG_RAX] = (uint64_t)-1;
}

void arch_leave_stub(struct arch_regs *regs, const uint64_t *frame, uint64_t sp)
{
	static const uint8_t order[ARCH_FRAME] = {
		REG_RAX, REG_R9,  REG_R8,  REG_R10, REG_RDX, REG_RSI, REG_RDI,
		REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15, REG_RCX};

	for (unsigned int i = 0; frame && i < ARCH_FRAME; i++)
		regs->raw[order[i]] = frame[i];
	regs->raw[REG_RSP] = sp;
	/* The stub keeps where the call returns to. */
	regs->raw[REG_RIP] = regs->raw[REG_RCX] - arch_call_instruction[ARCH_OWN].size;
}

uint64_t arch_stub_frame(const struct arch_regs *regs)
{
	return regs->raw[REG_R15];
}

#else
/* ISO C wants a declaration in every file. */
typedef int arch_other_than_x86_64;
#endif
