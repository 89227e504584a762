/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sleep and a wake-up across CPUs cost several times what a stop does: while stops
 * come in quick succession the next one is awaited a moment without sleeping. A moment
 * in vain makes that rarer, and so does one in which something else had our CPU: most
 * likely the tracee, who had to wait for it. */
#define _GNU_SOURCE 1
#include <sched.h>
#include <sys/resource.h>

#include "run/clock.h"
#include "tracer/linger.h"

enum {
	MOMENT_NS = 60 * 1000,
	/* Two looks follow one another faster if nothing else runs and few are traced.
	 */
	AWAY_NS = 2000,
	RAREST = 1023 /* stops that are left out between two moments */
};

void linger_create(struct lingering *linger)
{
	cpu_set_t cpus;

	*linger = (struct lingering){0};
	linger->may =
		sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

static void linger_less(struct lingering *linger)
{
	if (linger->penalty < RAREST)
		linger->penalty = 2 * linger->penalty + 1;
	linger->skip = linger->penalty;
}

/* Has something else had our CPU since the last look? */
static bool linger_was_away(struct lingering *linger, int64_t now)
{
	long before = linger->switches;
	struct rusage usage;

	if (now - linger->looked_ns <= AWAY_NS || getrusage(RUSAGE_THREAD, &usage) < 0)
		return false;
	linger->switches = usage.ru_nivcsw;
	return linger->switches != before;
}

void linger_found(struct lingering *linger)
{
	if (linger->lingered && linger_was_away(linger, clock_now_ns()))
		linger_less(linger);
	else if (linger->lingered)
		linger->penalty = 0;
	linger->looked = linger->lingered = false;
}

void linger_answered(struct lingering *linger)
{
	if (linger->may && !linger->skip)
		linger->looked_ns = linger->since_ns = clock_now_ns();
}

bool linger_on(struct lingering *linger)
{
	int64_t now;

	if (!linger->may)
		return false;
	if (linger->skip) {
		linger->skip--;
		return false;
	}
	now = clock_now_ns();
	if (now - linger->since_ns >= MOMENT_NS || linger_was_away(linger, now)) {
		linger_less(linger);
		return false;
	}
	linger->lingered = linger->looked;
	linger->looked = true;
	linger->looked_ns = now;
	return true;
}
