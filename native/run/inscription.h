/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A skeleton of a directory says in its time of change which one it stands for, and a
 * copy of a twin in memory likewise, so that the stub, which has fstat(2) alone, knows
 * it: seconds of the years from 1906 to 1910, in which a run's own number, mount and
 * catalog are, and nanoseconds, the entry. */
#ifndef RUN_INSCRIPTION_H
#define RUN_INSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
	INSCRIPTION_MOUNTS = 16,
	INSCRIPTION_CATALOGS = 1024,
	INSCRIPTION_ENTRIES = 1 << 24,
	INSCRIPTION_RUNS = 1 << 13,
	INSCRIPTION_EPOCH = -2000000000
};

/* `catalog`: number of the order in which catalogs were opened, 0 for a root catalog.
 */
struct inscription {
	uint32_t run, mount, catalog, entry;
};

static inline bool inscription_fits(const struct inscription *text)
{
	return text->mount < INSCRIPTION_MOUNTS &&
	       text->catalog < INSCRIPTION_CATALOGS &&
	       text->entry < INSCRIPTION_ENTRIES;
}

static inline struct timespec inscription_write(const struct inscription *text)
{
	const uint32_t seconds =
		(text->run * INSCRIPTION_MOUNTS + text->mount) * INSCRIPTION_CATALOGS +
		text->catalog;

	return (struct timespec){.tv_sec = (int64_t)INSCRIPTION_EPOCH + seconds,
				 .tv_nsec = text->entry};
}

/* False: it says nothing, or is another run's. */
static inline bool inscription_read(const struct timespec *time, uint32_t run,
				    struct inscription *ret_text)
{
	const int64_t seconds = time->tv_sec - (int64_t)INSCRIPTION_EPOCH;
	const int64_t each = (int64_t)INSCRIPTION_MOUNTS * INSCRIPTION_CATALOGS;

	if (seconds < run * each || seconds >= (run + 1) * each ||
	    time->tv_nsec >= INSCRIPTION_ENTRIES)
		return false;
	ret_text->run = run;
	ret_text->mount = (uint32_t)(seconds - run * each) / INSCRIPTION_CATALOGS;
	ret_text->catalog = (uint32_t)(seconds - run * each) % INSCRIPTION_CATALOGS;
	ret_text->entry = (uint32_t)time->tv_nsec;
	return true;
}

#endif
