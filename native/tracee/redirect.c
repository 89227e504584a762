/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pointing a path argument elsewhere without touching the program's own memory. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tracee/tracee.h"

enum { PATH_SIZE = 4096 };

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
	tracee->stop.interrupted = true;
	return tracee_call_instead(tracee, ARCH_MMAP, leave);
}

enum verdict tracee_redirect(struct tracee *tracee, const struct redirection *list,
			     size_t count, stop_handler leave)
{
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);

	if (!slot)
		return verdict;
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(list[i].path) + 1;
		int result = size > PATH_SIZE
				     ? -ENAMETOOLONG
				     : tracee_write(tracee, slot, list[i].path, size);

		if (result == -EFAULT && tracee->memory->borrowed)
			result = -ENOMEM;
		if (result == -EFAULT)
			return tracee_lost_region(tracee);
		if (result < 0) {
			tracee_free_slot(tracee);
			return tracee_answer(tracee, result);
		}
		arch_set_argument(&tracee->stop.regs, list[i].position, slot);
		slot += tracee->memory->borrowed ? size : PATH_SIZE;
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
