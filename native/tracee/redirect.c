/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pointing a path argument elsewhere without touching the program's own memory. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tracee/tracee.h"

enum { SLOT_COUNT = 32, PATH_SIZE = 4096 };

_Static_assert(2 * PATH_SIZE <= TRACEE_SLOT_SIZE, "two paths fit a slot");

/* The call that came in is replaced; its own registers stay in stop.saved. */
enum verdict tracee_call_instead(struct tracee *tracee, enum arch_call call,
				 stop_handler leave)
{
	struct arch_regs *regs = &tracee->stop.regs;

	arch_set_number(regs, arch_call(regs, call));
	tracee->stop.dirty = true;
	tracee->stop.leave = leave;
	return VERDICT_AT_EXIT;
}

enum verdict tracee_map_instead(struct tracee *tracee, uint64_t size,
				stop_handler leave)
{
	const struct arch_regs *regs = &tracee->stop.regs;
	uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint64_t args[] = {0, size, PROT_READ | PROT_WRITE, flags, (uint64_t)-1, 0};

	if (tracee->memory->narrow && regs->abi == ARCH_OWN)
		args[3] |= arch_map_low;
	for (unsigned int i = 0; i < 6; i++)
		arch_set_argument(&tracee->stop.regs, i, args[i]);
	return tracee_call_instead(tracee, ARCH_MMAP, leave);
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

static const uint64_t region_size = (uint64_t)SLOT_COUNT * TRACEE_SLOT_SIZE;

/* Slots that other threads are in stay taken, so that no two get the same. */
void tracee_lost_region(struct tracee *tracee)
{
	tracee_free_slot(tracee);
	tracee->memory->region = 0;
}

uint64_t tracee_slot(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct address_space *space = tracee->memory;
	uint32_t slot = 0;

	/* 64-bit code that makes i386 calls needs one that their pointers reach. */
	if (!space->region ||
	    space->region > arch_address_end(&tracee->stop.regs) - region_size) {
		*ret_verdict = tracee_map_instead(tracee, region_size, leave_mmap);
		return 0;
	}
	if (!tracee->stop.slot) {
		while (slot < SLOT_COUNT && (space->slots_taken >> slot) & 1)
			slot++;
		if (slot == SLOT_COUNT) {
			/* More threads in redirected calls than slots: come back. */
			*ret_verdict = tracee_call_instead(tracee, ARCH_SCHED_YIELD,
							   leave_yield);
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
			tracee_lost_region(tracee);
			return tracee_map_instead(tracee, region_size, leave_mmap);
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
