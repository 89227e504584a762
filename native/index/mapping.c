/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/mapping.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Known to the handler. Never freed, because a handler may be looking at it: one that
 * is not in use has no size and waits for the next file. */
struct range {
	_Atomic(uintptr_t) base;
	_Atomic(size_t) size;
	atomic_bool taken;
	volatile uint32_t broken; /* a lookup reads it behind `map->broken` */
	struct range *next;
};

static _Atomic(struct range *) ranges;
static atomic_uint breaks;
static struct sigaction before;

static struct range *range_of(uintptr_t address)
{
	for (struct range *range = atomic_load(&ranges); range; range = range->next) {
		uintptr_t base = atomic_load(&range->base);

		if (address >= base && address - base < atomic_load(&range->size))
			return range;
	}
	return NULL;
}

/* The read that failed is made again when this returns: it finds zeros. */
static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	int error = errno;
	struct range *range = NULL;

	(void)context;
	if (info->si_code <= 0)
		return; /* sent by a process */
	range = range_of((uintptr_t)info->si_addr);
	if (!range) {
		/* Not ours: it happens again, to whoever was there before us. */
		sigaction(signal, &before, NULL);
		return;
	}
	range->broken = 1;
	atomic_fetch_add(&breaks, 1);
	if (mmap((void *)atomic_load(&range->base), atomic_load(&range->size),
		 PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		sigaction(signal, &before, NULL);
	errno = error;
}

void mapping_guard(void)
{
	static atomic_bool done;
	struct sigaction action = {.sa_sigaction = on_bus_error,
				   .sa_flags = SA_SIGINFO | SA_RESTART};

	if (atomic_exchange(&done, true))
		return;
	sigfillset(&action.sa_mask);
	sigaction(SIGBUS, &action, &before);
}

static struct range *range_take(void)
{
	struct range *range;

	for (range = atomic_load(&ranges); range; range = range->next) {
		bool free = false;

		if (atomic_compare_exchange_strong(&range->taken, &free, true))
			return range;
	}
	range = calloc(1, sizeof(*range));
	if (!range)
		return NULL;
	atomic_store(&range->taken, true);
	range->next = atomic_load(&ranges);
	while (!atomic_compare_exchange_weak(&ranges, &range->next, range))
		;
	return range;
}

static void range_leave(struct range *range)
{
	atomic_store(&range->size, 0);
	atomic_store(&range->base, 0);
	atomic_store(&range->taken, false);
}

int mapping_open(int fd, struct index_map *ret_map)
{
	struct range *range;
	struct stat status;
	size_t size;
	void *base;
	int error;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size <= 0)
		return -EBADMSG;
	size = (size_t)status.st_size;
	mapping_guard();
	range = range_take();
	if (!range)
		return -ENOMEM;
	base = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (base == MAP_FAILED) {
		error = -errno;
		range_leave(range);
		return error;
	}
	range->broken = 0;
	atomic_store(&range->base, (uintptr_t)base);
	atomic_store(&range->size, size);
	error = index_map_check(ret_map, base, size);
	if (error == 0 && !index_map_is_whole(ret_map))
		error = -EBADMSG;
	if (error == 0 && range->broken)
		error = -EBADMSG;
	ret_map->broken = &range->broken;
	if (error < 0) {
		munmap(base, size);
		range_leave(range);
	}
	return error;
}

void mapping_close(struct index_map *map)
{
	struct range *range;

	if (!map->base)
		return;
	range = range_of((uintptr_t)map->base);
	if (range)
		range_leave(range);
	munmap((void *)(uintptr_t)map->base, map->size);
	*map = (struct index_map){0};
}

bool mapping_is_broken(const struct index_map *map)
{
	return map->broken && *map->broken;
}

uint32_t mapping_breaks(void)
{
	return atomic_load(&breaks);
}
