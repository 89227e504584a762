/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seccomp filter of a job, made from the tables of syscalls/. */
#ifndef TRACER_FILTER_H
#define TRACER_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#include "syscalls/syscalls.h"

/* Fills `program` (instructions are allocated; free(program->filter)). Rows with equal
 * numbers add up; `ours`: those for processes that have had a descriptor of ours, else
 * all others. 0; -ENOMEM; -E2BIG: more than the kernel takes. */
int filter_build(const struct syscall_table tables[ARCH_ABIS], bool ours,
		 uint64_t secret, struct sock_fprog *ret_program);
/* For this thread and all that come from it. 0 or a negative errno. */
int filter_install(const struct sock_fprog *program);

#endif
