/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/filters.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "fast/fast.h"
#include "fast/texts.h"
#include "launch/base.h"
#include "syscalls/syscalls.h"
#include "tracee/kernel.h"
#include "tracer/filter.h"

enum { FAST_AFTER = 16 };

/* Of calls whose places are patched. */
static struct call_numbers patched_calls(void)
{
	struct call_numbers numbers = {.led = 0};

	for (size_t i = 0; i < syscall_row_count; i++) {
		const struct syscall_row *row = &syscall_rows[i];

		if (row->stub == ROW_STUB_LEADS)
			numbers.led = (uint32_t)row->number;
		if (row->stub == ROW_STUB_ANSWERS || row->stub == ROW_STUB_REFUSES ||
		    row->stub == ROW_STUB_LEADS)
			numbers.bits[row->number / 64] |= 1ull << row->number % 64;
	}
	return numbers;
}

/* Variables for tests (docs/fast-path.md). */
static unsigned long number_of(const char *name, unsigned long usual)
{
	const char *value = getenv(name);

	return value && *value ? strtoul(value, NULL, 10) : usual;
}

static int make_fast(struct run *run, const struct launch *launch)
{
	const struct call_numbers numbers = patched_calls();
	static char cache[PATH_MAX]; /* there is one run */
	const bool has_cache =
		base_of_cache(launch->options.cache, run->environment, cache) == 0;
	const struct fast_wishes wishes = {
		.after =
			(unsigned int)number_of("INTERPOSE_FASTPATH_AFTER", FAST_AFTER),
		.leave_at = number_of("INTERPOSE_FASTPATH_LEAVE", 0),
		.counting = launch->stats_fd >= 0,
		.cache = has_cache ? cache : NULL};

	return fast_create(run, &numbers, &wishes);
}

int filters_make(struct launch *launch, struct sock_fprog *ret_first)
{
	static struct sock_fprog second; /* there is one run */
	struct run *run = &launch->run;
	int error = 0;

	/* Before the filters, which have to know of it. */
	if (!launch->options.no_fastpath && !launch->options.trace)
		error = make_fast(run, launch);
	if (error == 0)
		error = filter_build(syscall_tables, false, fast_secret(run),
				     ret_first);

	if (error == 0)
		error = filter_build(syscall_tables, true, fast_secret(run), &second);
	run->descriptor_filter = &second;
	run->filters = kernel_filters(getpid()) + 1;
	return error;
}
