/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pointing a path argument elsewhere without touching the program's own memory. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tracee/tracee.h"

enum { SLOT_COUNT = 32, PATH_SIZE = 4096 };

_Static_assert(2 * PATH_SIZE <= TRACEE_SLOT_SIZE, "two paths fit a slot");

void tracee_free_slot(struct tracee *tracee)
{
	if (!tracee->stop.slot)
		return;
	tracee->memory->slots_taken &= ~(1ull << (tracee->stop.slot - 1));
	tracee->stop.slot = 0;
}

/* The call that came in is replaced; its own registers stay in stop.saved. */
static enum verdict replace_call(struct tracee *tracee, long number, stop_handler leave)
{
	arch_set_number(&tracee->stop.regs, number);
	tracee->stop.dirty = true;
	tracee->stop.leave = leave;
	return VERDICT_AT_EXIT;
}

static enum verdict leave_mmap(struct run *run, struct tracee *tracee)
{
	int64_t address = arch_result(&tracee->stop.regs);

	(void)run;
	if (address < 0 && address > -4096)
		return tracee_finish(tracee, -ENOMEM);
	tracee->memory->region = (uint64_t)address;
	return tracee_again(tracee);
}

static enum verdict leave_yield(struct run *run, struct tracee *tracee)
{
	(void)run;
	return tracee_again(tracee);
}

static enum verdict map_region(struct tracee *tracee)
{
	struct arch_regs *regs = &tracee->stop.regs;

	arch_set_argument(regs, 0, 0);
	arch_set_argument(regs, 1, (uint64_t)SLOT_COUNT * TRACEE_SLOT_SIZE);
	arch_set_argument(regs, 2, PROT_READ | PROT_WRITE);
	arch_set_argument(regs, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
	arch_set_argument(regs, 4, (uint64_t)-1);
	arch_set_argument(regs, 5, 0);
	return replace_call(tracee, SYS_mmap, leave_mmap);
}

uint64_t tracee_slot(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct address_space *space = tracee->memory;
	uint32_t slot = 0;

	if (!space->region) {
		*ret_verdict = map_region(tracee);
		return 0;
	}
	if (!tracee->stop.slot) {
		while (slot < SLOT_COUNT && (space->slots_taken >> slot) & 1)
			slot++;
		if (slot == SLOT_COUNT) {
			/* More threads in redirected calls than slots: come back. */
			*ret_verdict =
				replace_call(tracee, SYS_sched_yield, leave_yield);
			return 0;
		}
		space->slots_taken |= 1ull << slot;
		tracee->stop.slot = slot + 1;
	}
	return space->region + (uint64_t)(tracee->stop.slot - 1) * TRACEE_SLOT_SIZE;
}

enum verdict tracee_redirect(struct tracee *tracee, const struct redirection *list,
			     size_t count, stop_handler leave)
{
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);

	if (!slot)
		return verdict;
	for (size_t i = 0; i < count; i++, slot += PATH_SIZE) {
		size_t size = strlen(list[i].path) + 1;
		int result = size > PATH_SIZE
				     ? -ENAMETOOLONG
				     : tracee_write(tracee, slot, list[i].path, size);

		if (result == -EFAULT) {
			/* The program unmapped the region: make a new one. */
			tracee_free_slot(tracee);
			tracee->memory->region = 0;
			tracee->memory->slots_taken = 0;
			return map_region(tracee);
		}
		if (result < 0) {
			tracee_free_slot(tracee);
			return tracee_answer(tracee, result);
		}
		arch_set_argument(&tracee->stop.regs, list[i].position, slot);
	}
	tracee->stop.dirty = true;
	tracee->stop.leave = leave;
	return VERDICT_AT_EXIT;
}

enum verdict tracee_leave_as_is(struct run *run, struct tracee *tracee)
{
	(void)run;
	return tracee_finish(tracee, arch_result(&tracee->stop.regs));
}
