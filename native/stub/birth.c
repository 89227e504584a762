/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child begins behind the `syscall`, with all registers of its parent and perhaps
 * with another stack: neither has a place for what the stub would have to give back. So
 * the call is made at a gate, with everything as the program has it. */
#include "stub/birth.h"

#include <string.h>

#include "stub/request.h"

enum {
	SMALLEST = 64,	       /* struct clone_args, as it first was */
	UNTRACED = 0x00800000, /* CLONE_UNTRACED */
	JUMP_AT = STUB_GATE_CALL + 1
};

/* The gate that goes back to `address`; 0: none. */
static uint64_t gate_to(uint64_t address)
{
	const char *gate = stub_start + STUB_GATES_AT;
	int32_t distance;

	for (int i = 0; i < STUB_GATES; i++, gate += STUB_GATE) {
		memcpy(&distance, gate + JUMP_AT, sizeof(distance));
		if ((uint64_t)gate + STUB_GATE_SIZE + (uint64_t)distance == address)
			return (uint64_t)gate;
	}
	return 0;
}

/* What is wrong with the structure the kernel says at the call's place. */
enum stub_verdict birth_leads(struct stub_frame *frame)
{
	const uint64_t *flags = (const uint64_t *)frame->rdi;
	const uint64_t gate = gate_to(frame->rcx);

	if (gate && !request_is_absurd(frame->rdi) && frame->rsi >= SMALLEST &&
	    !(*flags & UNTRACED))
		frame->rcx = gate + STUB_GATE_CALL;
	return STUB_SITE;
}
