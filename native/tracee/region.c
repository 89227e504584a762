/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of our own in the tracee: where redirected arguments lie. A region has slots,
 * one for each call under way. Calls may wait for one another (both ends of a FIFO), so
 * there is never an end to the slots: where all are taken one more region is made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "tracee/tracee.h"

/* A slot begins with a mark: where it is missing the program has mapped something of
 * its own there. */
enum { SLOT_COUNT = 20, MARK_SIZE = 16, SLOT_STRIDE = 3 * 4096 };

_Static_assert(MARK_SIZE + TRACEE_SLOT_SIZE <= SLOT_STRIDE, "a mark and the slot");

struct region {
	struct region *next;
	uint64_t id; /* no other region has it, ever */
	uint64_t address, size;
	uint32_t count;
	uint64_t taken, marked; /* bit sets */
};

static struct region *of_tracee(const struct tracee *tracee)
{
	struct region *region = tracee->memory->regions;

	while (region && (!tracee->stop.slot || region->id != tracee->stop.region))
		region = region->next;
	return region;
}

static bool region_add(struct address_space *space, uint64_t address, uint64_t size,
		       uint32_t count)
{
	static uint64_t last_id;
	struct region *region = calloc(1, sizeof(*region));

	if (!region)
		return false;
	region->id = ++last_id;
	region->address = address;
	region->size = size;
	region->count = count;
	region->next = space->regions;
	space->regions = region;
	return true;
}

void tracee_free_slot(struct tracee *tracee)
{
	struct region *region = of_tracee(tracee);

	if (region)
		region->taken &= ~(1ull << (tracee->stop.slot - 1));
	tracee->stop.slot = 0;
}

void regions_forget(struct address_space *space)
{
	while (space->regions) {
		struct region *region = space->regions;

		space->regions = region->next;
		free(region);
	}
}

/* Others stay unused in the child: whose calls they were, only the parent has. */
void regions_copy(struct address_space *space, const struct address_space *from)
{
	const struct region *first = from->regions;

	space->borrowed = from->borrowed;
	space->tight = from->tight;
	if (first && region_add(space, first->address, first->size, first->count))
		space->regions->marked = first->marked;
}

bool tracee_in_region(const struct address_space *space, uint64_t address, size_t size)
{
	const struct region *region = space->regions;

	while (region && !(address >= region->address && size <= region->size &&
			   address - region->address <= region->size - size))
		region = region->next;
	return region != NULL;
}

/* 64-bit code that makes i386 calls needs one that their pointers reach. */
static bool is_in_reach(const struct tracee *tracee, const struct region *region)
{
	return region->address + region->size <= arch_address_end(&tracee->stop.regs);
}

static const struct region *any_in_reach(const struct tracee *tracee)
{
	const struct region *region = tracee->memory->regions;

	while (region && !is_in_reach(tracee, region))
		region = region->next;
	return region;
}

static bool take(struct tracee *tracee)
{
	for (struct region *region = tracee->memory->regions; region;
	     region = region->next) {
		uint32_t slot = 0;

		while (slot < region->count && (region->taken >> slot) & 1)
			slot++;
		if (slot == region->count || !is_in_reach(tracee, region))
			continue;
		region->taken |= 1ull << slot;
		tracee->stop.slot = slot + 1;
		tracee->stop.region = region->id;
		return true;
	}
	return false;
}

static uint32_t next_count(const struct address_space *space)
{
	return space->tight ? 1 : SLOT_COUNT;
}

/* Limits of memory (RLIMIT_AS, RLIMIT_MEMLOCK behind mlockall()) may leave no room for
 * a mapping: then for a small one, and at last for none. */
static enum verdict leave_mmap(struct run *run, struct tracee *tracee)
{
	int64_t address = arch_result(&tracee->stop.regs);
	struct address_space *space = tracee->memory;
	uint32_t count = next_count(space);

	(void)run;
	if (address >= 0 || address <= -4096) {
		if (region_add(space, (uint64_t)address, (uint64_t)count * SLOT_STRIDE,
			       count))
			return tracee_again(tracee);
		return tracee_finish(tracee, -ENOMEM);
	}
	if (!space->tight) {
		space->tight = true;
		return tracee_again(tracee);
	}
	if (any_in_reach(tracee)) {
		space->crowded = true;
		return tracee_again(tracee);
	}
	address = (int64_t)tracee_vdso_room(tracee);
	if (address && region_add(space, (uint64_t)address, TRACEE_VDSO_ROOM, 1)) {
		space->borrowed = true;
		return tracee_again(tracee);
	}
	space->tight = false;
	/* A wait that was to be begun again is only interrupted. */
	return tracee_finish(tracee, tracee->wait.again ? -EINTR : -ENOMEM);
}

static enum verdict map_region(struct tracee *tracee)
{
	return tracee_map_instead(
		tracee, (uint64_t)next_count(tracee->memory) * SLOT_STRIDE, leave_mmap);
}

enum verdict tracee_lost_region(struct tracee *tracee)
{
	struct address_space *space = tracee->memory;
	struct region *lost = of_tracee(tracee), **at = &space->regions;

	while (*at && *at != lost)
		at = &(*at)->next;
	if (*at)
		*at = lost->next;
	free(lost);
	tracee->stop.slot = 0;
	space->tight = space->borrowed = space->crowded = false;
	return map_region(tracee);
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
static bool is_ours(struct tracee *tracee, struct region *region, uint32_t slot)
{
	uint64_t at = region->address + (uint64_t)slot * SLOT_STRIDE;
	uint8_t found[MARK_SIZE];

	if (tracee->memory->borrowed)
		return true;
	if (!(region->marked >> slot & 1)) {
		if (slot && region->marked & 1 && !is_ours(tracee, region, 0))
			return false;
		if (tracee_write(tracee, at, mark(), MARK_SIZE) < 0)
			return false;
		region->marked |= 1ull << slot;
		return true;
	}
	return tracee_read(tracee, at, found, sizeof(found)) == 0 &&
	       memcmp(found, mark(), MARK_SIZE) == 0;
}

static enum verdict leave_yield(struct run *run, struct tracee *tracee)
{
	(void)run;
	return tracee_again(tracee);
}

/* All slots are taken: one more region, or a while, where there is no room for one. */
static enum verdict come_back(struct tracee *tracee)
{
	const struct address_space *space = tracee->memory;

	if (!any_in_reach(tracee) || !(space->crowded || space->borrowed))
		return map_region(tracee);
	tracee->stop.interrupted = true;
	return tracee_call_instead(tracee, ARCH_SCHED_YIELD, leave_yield);
}

uint64_t tracee_slot(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct region *region = of_tracee(tracee);
	uint32_t slot;

	if (!region && !take(tracee)) {
		*ret_verdict = come_back(tracee);
		return 0;
	}
	region = of_tracee(tracee);
	slot = tracee->stop.slot - 1;
	if (!is_ours(tracee, region, slot)) {
		*ret_verdict = tracee_lost_region(tracee);
		return 0;
	}
	return tracee->memory->borrowed
		       ? region->address
		       : region->address + (uint64_t)slot * SLOT_STRIDE + MARK_SIZE;
}
