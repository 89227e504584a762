/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86_64. The order of registers is that of struct user_regs_struct, <sys/user.h>. */
#if defined(__x86_64__)

#include <linux/audit.h>

#include "arch/arch.h"

enum {
	REG_R10 = 7,
	REG_R9 = 8,
	REG_R8 = 9,
	REG_RAX = 10,
	REG_RDX = 12,
	REG_RSI = 13,
	REG_RDI = 14,
	REG_ORIG_RAX = 15,
	REG_RIP = 16,
	REG_RSP = 19,
	REG_COUNT = 27
};

_Static_assert(REG_COUNT <= sizeof(((struct arch_regs *)0)->raw) / sizeof(uint64_t),
	       "struct arch_regs is too small");

static const uint8_t argument_registers[6] = {REG_RDI, REG_RSI, REG_RDX,
					      REG_R10, REG_R8,	REG_R9};

const uint8_t arch_call_instruction[] = {0x0f, 0x05};
const size_t arch_call_instruction_size = sizeof(arch_call_instruction);
const uint32_t arch_audit = AUDIT_ARCH_X86_64;

long arch_number(const struct arch_regs *regs)
{
	/* The kernel looks at the low half only. */
	return (int32_t)regs->raw[REG_ORIG_RAX];
}

uint64_t arch_argument(const struct arch_regs *regs, unsigned int position)
{
	return position < 6 ? regs->raw[argument_registers[position]] : 0;
}

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
	if (position < 6)
		regs->raw[argument_registers[position]] = value;
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
	regs->raw[REG_RIP] -= sizeof(arch_call_instruction);
	regs->raw[REG_RAX] = (uint64_t)number;
	/* No call is under way: a signal now must not make the kernel restart it too.
	 */
	regs->raw[REG_ORIG_RAX] = (uint64_t)-1;
}

#else
/* ISO C wants a declaration in every file. */
typedef int arch_other_than_x86_64;
#endif
