/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of a call on their way through the stub, and calls of the stub's own.
 */
#ifndef STUB_FRAME_H
#define STUB_FRAME_H

#include <asm/unistd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stub/state.h"

/* As stub_entry pushes them. `rax` is the number, then the result. */
struct stub_frame {
	uint64_t rax, r9, r8, r10, rdx, rsi, rdi, rbx, rbp, r12, r13, r14, r15, rcx;
};

enum stub_verdict {
	STUB_DONE,   /* the result is in the frame */
	STUB_SITE,   /* the call is made where the program makes it, and stops there */
	STUB_MISSING /* host.c alone: the kernel has not found it */
};

/* Where this code begins; not weak, so that no table of addresses is needed. */
extern const char stub_start[] __attribute__((visibility("hidden")));

static inline struct stub_state *stub_state(void)
{
	return (struct stub_state *)((uintptr_t)stub_start + STUB_STATE_AT);
}

/* The filter lets it through. */
static inline long stub_call(long number, uint64_t a, uint64_t b, uint64_t c,
			     uint64_t d, uint64_t e)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = stub_state()->secret;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* mmap(2) of a file from its beginning, wherever; no call that stops. */
static inline long stub_map(uint64_t size, int protection, int flags, int fd)
{
	register uint64_t r10 __asm__("r10") = (uint64_t)flags;
	register uint64_t r8 __asm__("r8") = (uint64_t)fd;
	register uint64_t r9 __asm__("r9") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(__NR_mmap), "D"(0), "S"(size), "d"(protection), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The program's own call, as it is. */
static inline long stub_same_call(const struct stub_frame *frame)
{
	return stub_call((long)frame->rax, frame->rdi, frame->rsi, frame->rdx,
			 frame->r10, frame->r8);
}

static inline enum stub_verdict stub_done(struct stub_frame *frame, long result)
{
	frame->rax = (uint64_t)result;
	return STUB_DONE;
}

enum stub_verdict stub_main(struct stub_frame *frame);

#endif
