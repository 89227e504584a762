/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls/watching.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "tracee/kernel.h"

enum { HEAD_SIZE = 16, FLAG_TSYNC = 1, FLAG_SPEC_ALLOW = 4 };

/* Refused, or a thread has a filter of its own: then calls of the others pass as those
 * of a process that was sent its descriptor. */
static enum verdict leave_filter(struct run *run, struct tracee *tracee)
{
	(void)run;
	tracee->process->watched = true;
	tracee->process->filters += arch_result(&tracee->stop.regs) == 0;
	return tracee_again(tracee);
}

static int write_filter(struct tracee *tracee, uint64_t slot,
			const struct sock_fprog *filter)
{
	uint64_t code = slot + HEAD_SIZE, size = filter->len * sizeof(*filter->filter);
	size_t pointer = arch_pointer_size(&tracee->stop.regs);
	uint16_t length = filter->len;
	int error;

	if (size > TRACEE_SLOT_SIZE - HEAD_SIZE)
		return -1;
	/* struct sock_fprog of either ABI: a length, then an aligned pointer. */
	error = tracee_write(tracee, slot, &length, sizeof(length));
	if (error == 0)
		error = tracee_write_pointers(tracee, slot + pointer, &code, 1);
	if (error == 0)
		error = tracee_write(tracee, code, filter->filter, size);
	return error;
}

bool watching_begins(const struct run *run, struct tracee *tracee,
		     enum verdict *ret_verdict)
{
	uint64_t slot;

	if (tracee->process->watched || !run->descriptor_filter)
		return false;
	/* A filter of the program's own might end it for this call. */
	if (kernel_filters(tracee->tid) > run->filters) {
		tracee->process->watched = true;
		return false;
	}
	slot = tracee_slot(tracee, ret_verdict);
	if (!slot)
		return true;
	if (write_filter(tracee, slot, run->descriptor_filter) < 0) {
		tracee_free_slot(tracee);
		tracee->process->watched = true;
		return false;
	}
	arch_set_argument(&tracee->stop.regs, 0, SECCOMP_SET_MODE_FILTER);
	arch_set_argument(&tracee->stop.regs, 1, FLAG_TSYNC | FLAG_SPEC_ALLOW);
	arch_set_argument(&tracee->stop.regs, 2, slot);
	*ret_verdict = tracee_call_instead(tracee, ARCH_SECCOMP, leave_filter);
	return true;
}
