/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/filters.h"

#include <unistd.h>

#include "syscalls/watching.h"
#include "tracer/filter.h"

int filters_make(struct run *run, struct sock_fprog *ret_first)
{
	static struct sock_fprog second; /* there is one run */
	int error = filter_build(syscall_tables, false, ret_first);

	if (error == 0)
		error = filter_build(syscall_tables, true, &second);
	run->descriptor_filter = &second;
	run->filters = watching_filters(getpid()) + 1;
	return error;
}
