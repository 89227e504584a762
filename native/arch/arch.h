/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All knowledge of registers, call numbers and the call instruction. Freestanding. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose numbers, pointers and layouts a call has. On x86_64 it is i386's by any call of
 * 32-bit code and by `int $0x80` of 64-bit code; aarch64 has the first one only. */
enum arch_abi { ARCH_OWN, ARCH_I386, ARCH_ABIS };

/* Large enough for every architecture; the arch file checks it. */
struct arch_regs {
	uint64_t raw[40];
	size_t size; /* bytes that the kernel filled */
	enum arch_abi abi;
};

/* AUDIT_ARCH_* of each ABI, for the filter; 0: the kernel has no such. */
extern const uint32_t arch_audit[ARCH_ABIS];

/* Calls that are made or known by more than their row. */
enum arch_call {
	ARCH_CLONE,
	ARCH_CLONE3,
	ARCH_CLOSE,
	ARCH_EXECVEAT,
	ARCH_FCHDIR,
	ARCH_LSEEK,
	ARCH_MMAP, /* of no file: the last argument is 0 in all forms */
	ARCH_OPEN,
	ARCH_OPENAT,
	ARCH_OPENAT2,
	ARCH_PRCTL,
	ARCH_RECVMSG,
	ARCH_SCHED_YIELD,
	ARCH_SOCKETPAIR,
	ARCH_SECCOMP,
	ARCH_VFORK,
	ARCH_CALLS
};
/* Its number in the ABI of `regs`; -1: it has none. */
long arch_call(const struct arch_regs *regs, enum arch_call call);

/* The ABI that code in the mode of these registers has by its own call instruction. */
enum arch_abi arch_abi_of_mode(const struct arch_regs *regs);
/* At the entry of a call: these registers say that it came by ARCH_OWN's instruction.
 * No answer where they do not, nor where the code is so low that an i386 call might
 * mean a place in it. */
bool arch_is_own(const struct arch_regs *regs);
/* A flag of mmap() for 64-bit code in a process that began with a 32-bit program: the
 * kernel would choose an address that it then refuses. */
extern const uint64_t arch_map_low;
/* Bytes of a pointer, and the first address that none can have. */
size_t arch_pointer_size(const struct arch_regs *regs);
uint64_t arch_address_end(const struct arch_regs *regs);

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

/* At an entry stop: instead of the call the thread runs code at `ip` that finds `data`
 * in a register and ends by taking `ret_saved` back, in the order of struct stub_load
 * (stub/state.h), whose first one is the number of the call. */
enum { ARCH_SAVED = 15 };
void arch_run_loader(struct arch_regs *regs, uint64_t ip, uint64_t data,
		     uint64_t ret_saved[ARCH_SAVED]);
/* At a fault inside of the stub: the registers are again as they were at the program's
 * call instruction, which comes next. `frame`: as stub_entry has pushed it (struct
 * stub_frame), `sp`: where it was before; without one nothing but the stack pointer has
 * changed. */
enum { ARCH_FRAME = 14 };
void arch_leave_stub(struct arch_regs *regs, const uint64_t *frame, uint64_t sp);
/* The register that is the frame's address in all of the stub. */
uint64_t arch_stub_frame(const struct arch_regs *regs);

/* The call instruction of an ABI, for finding one in the vdso. */
enum { ARCH_INSTRUCTION_MAX = 4 };
struct arch_instruction {
	uint8_t bytes[ARCH_INSTRUCTION_MAX];
	size_t size;
};
extern const struct arch_instruction arch_call_instruction[ARCH_ABIS];

#endif
