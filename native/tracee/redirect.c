/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pointing a path argument elsewhere without touching the program's own memory. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "tracee/tracee.h"

/* A slot begins with a mark: where it is missing the program has mapped something of
 * its own there. */
enum { SLOT_COUNT = 20, PATH_SIZE = 4096, MARK_SIZE = 16, SLOT_STRIDE = 3 * 4096 };

_Static_assert(2 * PATH_SIZE <= TRACEE_SLOT_SIZE, "two paths fit a slot");
_Static_assert(MARK_SIZE + TRACEE_SLOT_SIZE <= SLOT_STRIDE, "and a mark");

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

static uint32_t slots_of(const struct address_space *space)
{
	return space->slots ? space->slots : SLOT_COUNT;
}

/* Limits of memory (RLIMIT_AS, RLIMIT_MEMLOCK behind mlockall()) may leave no room for
 * a mapping: then for a small one, and at last for none. */
static enum verdict leave_mmap(struct run *run, struct tracee *tracee)
{
	int64_t address = arch_result(&tracee->stop.regs);
	struct address_space *space = tracee->memory;
	bool failed = address < 0 && address > -4096;

	(void)run;
	space->slots_marked = 0;
	if (!failed) {
		space->region = (uint64_t)address;
		return tracee_again(tracee);
	}
	if (slots_of(space) > 1) {
		space->slots = 1;
		return tracee_again(tracee);
	}
	space->region = tracee_vdso_room(tracee);
	space->borrowed = space->region != 0;
	if (space->borrowed)
		return tracee_again(tracee);
	space->slots = 0;
	/* A wait that was to be begun again is only interrupted. */
	return tracee_finish(tracee, tracee->wait.again ? -EINTR : -ENOMEM);
}

static enum verdict leave_yield(struct run *run, struct tracee *tracee)
{
	(void)run;
	return tracee_again(tracee);
}

uint64_t tracee_region_size(const struct address_space *space)
{
	return space->borrowed ? TRACEE_VDSO_ROOM
			       : (uint64_t)slots_of(space) * SLOT_STRIDE;
}

/* Slots that other threads are in stay taken, so that no two get the same. */
void tracee_lost_region(struct tracee *tracee)
{
	tracee_free_slot(tracee);
	tracee->memory->region = 0;
	tracee->memory->slots = 0;
	tracee->memory->borrowed = false;
}

static enum verdict map_region(struct tracee *tracee)
{
	return tracee_map_instead(
		tracee, (uint64_t)slots_of(tracee->memory) * SLOT_STRIDE, leave_mmap);
}

static const uint8_t *mark(void)
{
	static uint8_t bytes[MARK_SIZE];

	/* Short reads and failures of getrandom: ours is still no one else's text. */
	if (!bytes[0] && getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) < 0)
		memcpy(bytes, "interpose_run\x01\x02", sizeof(bytes));
	bytes[0] |= 1;
	return bytes;
}

/* The program may map something over the region at any time, and nobody tells us: a
 * slot is used while it has its mark. One that was never used gets it, if the first one
 * still has. */
static bool is_ours(struct tracee *tracee, uint32_t slot)
{
	struct address_space *space = tracee->memory;
	uint64_t at = space->region + (uint64_t)slot * SLOT_STRIDE;
	uint8_t found[MARK_SIZE];

	if (space->borrowed)
		return true;
	if (!(space->slots_marked >> slot & 1)) {
		if (slot && space->slots_marked & 1 && !is_ours(tracee, 0))
			return false;
		if (tracee_write(tracee, at, mark(), MARK_SIZE) < 0)
			return false;
		space->slots_marked |= 1ull << slot;
		return true;
	}
	return tracee_read(tracee, at, found, sizeof(found)) == 0 &&
	       memcmp(found, mark(), MARK_SIZE) == 0;
}

uint64_t tracee_slot(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct address_space *space = tracee->memory;
	uint64_t size = (uint64_t)slots_of(space) * SLOT_STRIDE;
	uint32_t slot = 0;

	/* 64-bit code that makes i386 calls needs one that their pointers reach. */
	if (!space->region ||
	    space->region > arch_address_end(&tracee->stop.regs) - size) {
		*ret_verdict = map_region(tracee);
		return 0;
	}
	if (!tracee->stop.slot) {
		while (slot < slots_of(space) && (space->slots_taken >> slot) & 1)
			slot++;
		if (slot == slots_of(space)) {
			/* More threads in redirected calls than slots: come back. */
			tracee->stop.interrupted = true;
			*ret_verdict = tracee_call_instead(tracee, ARCH_SCHED_YIELD,
							   leave_yield);
			return 0;
		}
		space->slots_taken |= 1ull << slot;
		tracee->stop.slot = slot + 1;
	}
	slot = tracee->stop.slot - 1;
	if (!is_ours(tracee, slot)) {
		tracee_lost_region(tracee);
		*ret_verdict = map_region(tracee);
		return 0;
	}
	return space->borrowed
		       ? space->region
		       : space->region + (uint64_t)slot * SLOT_STRIDE + MARK_SIZE;
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
		if (result == -EFAULT) {
			tracee_lost_region(tracee);
			return map_region(tracee);
		}
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
