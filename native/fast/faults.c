/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fault of the stub is one of the program's pointers, or of its stack: the call is
 * made where the program makes it, and the kernel says what is wrong with it. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "fast/inner.h"
#include "stub/frame.h"
#include "tracee/memory.h"

_Static_assert(sizeof(struct stub_frame) == ARCH_FRAME * sizeof(uint64_t),
	       "a frame as arch/ has it");

enum { BELOW_STACK = 128 }; /* that a program may use */

/* Bytes that the pushes of stub_entry before `ip` have put on the stack; `ip` is not
 * beyond the last one. */
static uint64_t pushed(uint64_t ip, uint64_t entry)
{
	const uint8_t *code = (const uint8_t *)stub_entry;
	uint64_t at = entry, size = 0;

	/* It begins with a lea of five bytes; then each push has one or two. */
	if (ip == at)
		return 0;
	for (at += 5; at < ip; size += sizeof(uint64_t))
		at += (code[at - entry] & 0xf0) == 0x40 ? 2 : 1;
	return size + BELOW_STACK;
}

static bool is_push(uint8_t byte)
{
	return (byte & 0xf8) == 0x50 || byte == 0x41;
}

/* Everything the stub has done so far is forgotten. */
static int leave(const struct tracee *tracee, struct arch_regs *regs, uint64_t entry)
{
	const uint64_t framed = entry + (uint64_t)(stub_framed - stub_entry);
	uint64_t ip = arch_ip(regs), at = arch_stub_frame(regs);
	uint64_t frame[ARCH_FRAME];
	struct memory_part part = {tracee->tid, 0, frame, sizeof(frame), false};

	if (ip < framed && (ip == entry || is_push((uint8_t)stub_entry[ip - entry]))) {
		arch_leave_stub(regs, NULL, arch_sp(regs) + pushed(ip, entry));
		return 0;
	}
	if (ip < framed)
		at = arch_sp(regs);
	part.address = at;
	if (memory_move_directly(&part) != (ssize_t)sizeof(frame))
		return -EFAULT;
	arch_leave_stub(regs, frame, at + sizeof(frame) + BELOW_STACK);
	return 0;
}

/* The program has its own memory there by now, and these are not the bytes. What is not
 * there at all is no other's. */
static bool is_others(const struct tracee *tracee, uint64_t at, const void *bytes,
		      size_t size)
{
	uint8_t found[FOOTHOLD_MOV];
	const struct memory_part part = {tracee->tid, at, found, size, false};

	return memory_move_directly(&part) == (ssize_t)size &&
	       memcmp(found, bytes, size) != 0;
}

/* Its way is not in the stub's code: in a trampoline, before the call, or in a gate,
 * before or behind it. */
static bool leave_way(struct tracee *tracee, struct arch_regs *regs)
{
	const struct foothold *foothold = &tracee->memory->foothold;
	const struct foothold_site *site = patching_site(foothold, arch_ip(regs));
	uint64_t to = 0;

	if (!site)
		to = patching_gate(foothold, arch_ip(regs));
	else if (!is_others(tracee, arch_ip(regs), site->mov, FOOTHOLD_MOV))
		to = site->call - FOOTHOLD_MOV;
	if (!to)
		return false;
	arch_set_ip(regs, to);
	patching_undo(tracee);
	return true;
}

bool fast_fault(struct run *run, struct tracee *tracee, int signal)
{
	const struct foothold *foothold = &tracee->memory->foothold;
	const uint64_t entry = foothold->base + (uint64_t)(stub_entry - stub_section);
	struct arch_regs regs = {.size = 0};
	uint64_t part;

	if (!run->fast || !foothold->base || (signal != SIGSEGV && signal != SIGBUS) ||
	    tracee_fetch_fault(tracee, &regs) < 0)
		return false;
	part = arch_ip(&regs) - foothold->base;
	if (part < STUB_CODE_SIZE) {
		if (is_others(tracee, arch_ip(&regs), stub_section + part, 1) ||
		    leave(tracee, &regs, entry) < 0)
			return false;
	} else if (!leave_way(tracee, &regs)) {
		return false;
	}
	return tracee_store_fault(tracee, &regs) == 0;
}
