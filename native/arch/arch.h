/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All knowledge of registers, call numbers and the call instruction. Freestanding. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Large enough for every architecture; the arch file checks it. */
struct arch_regs {
	uint64_t raw[40];
	size_t size; /* bytes that the kernel filled */
};

/* At a stop in a call. Source: syscall(2), "Architecture calling conventions". */
long arch_number(const struct arch_regs *regs);
uint64_t arch_argument(const struct arch_regs *regs, unsigned int position);
int64_t arch_result(const struct arch_regs *regs);
uint64_t arch_ip(const struct arch_regs *regs);
uint64_t arch_sp(const struct arch_regs *regs);

void arch_set_number(struct arch_regs *regs, long number);
void arch_set_argument(struct arch_regs *regs, unsigned int position, uint64_t value);
void arch_set_result(struct arch_regs *regs, int64_t value);
void arch_set_ip(struct arch_regs *regs, uint64_t ip);

/* At an exit stop: makes the same instruction run again, as call `number`. */
void arch_restart(struct arch_regs *regs, long number);

/* The call instruction, for finding one in the vdso. */
extern const uint8_t arch_call_instruction[];
extern const size_t arch_call_instruction_size;

/* AUDIT_ARCH_* of this architecture, for the filter. */
extern const uint32_t arch_audit;

#endif
