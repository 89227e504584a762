/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loop needs of the calls: rows for the filter, and four moments of a tracee.
 */
#ifndef SYSCALLS_SYSCALLS_H
#define SYSCALLS_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "run/run.h"
#include "tracee/tracee.h"

/* prctl() option that only a tracer of ours answers: an inner interpose_run asks it
 * (tracer/inner.h). */
enum { SYSCALLS_HYPERCALL = 0x49504f53 };
/* PR_SET_SYSCALL_USER_DISPATCH, Linux 5.11. */
enum { SYSCALLS_USER_DISPATCH = 59 };

/* What an argument carries. */
enum argument_kind { ARG_OTHER, ARG_DIRFD, ARG_PATH };

/* Stop only when (argument & mask) is one of `count` values, or (`unless`) none of
 * them. Count 0: always. Of an argument only the low half is looked at. */
struct row_condition {
	uint8_t argument;
	uint8_t count;
	bool unless;
	bool ours; /* only in processes that have had a descriptor of ours */
	uint32_t mask;
	uint32_t values[12];
};

/* What the stub inside a tracee (native/stub/) has to do with a call. */
enum row_stub {
	ROW_STUB_NOT,
	ROW_STUB_MAKES,	  /* it makes it, so the filter knows it by the secret */
	ROW_STUB_ANSWERS, /* and sites of it are patched */
	ROW_STUB_REFUSES, /* they are, but it answers errors alone and never makes it */
	ROW_STUB_LEADS	  /* they are; it lets it be made at a gate, where it passes */
};

struct syscall_row {
	const char *name;
	int number; /* -1: this ABI has no such call */
	enum row_stub stub;
	stop_handler enter;
	struct row_condition only_if;
	enum argument_kind kinds[6];
};

struct syscall_table {
	const struct syscall_row *rows;
	const size_t *count;
};

extern const struct syscall_table syscall_tables[ARCH_ABIS];

extern const struct syscall_row syscall_rows[];
extern const size_t syscall_row_count;
extern const struct syscall_row syscall_rows_i386[];
extern const size_t syscall_row_count_i386;

/* At a seccomp stop, and again whenever an awaited answer is there. */
enum verdict syscalls_enter(struct run *run, struct tracee *tracee);
/* At an exit stop; VERDICT_AT_EXIT asks for another one. */
enum verdict syscalls_leave(struct run *run, struct tracee *tracee);
/* At PTRACE_EVENT_EXEC, registers of the new program in place. Same verdicts as leave.
 */
enum verdict syscalls_exec(struct run *run, struct tracee *tracee);
/* The call at hand is an execve, if its entry was the last stop. */
bool syscalls_is_exec(const struct tracee *tracee);
/* The tracee is gone: drops what a handler kept for it. */
void syscalls_gone(struct run *run, struct tracee *tracee);

#endif
