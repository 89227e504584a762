/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Number first, as a binary search over ranges: kernels < 5.11 run the program for
 * every call, newer ones remember what the number alone decides. Arguments only where a
 * row asks for them. */
#define _GNU_SOURCE 1
#include "tracer/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "stub/state.h"

#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

enum {
	NUMBER = offsetof(struct seccomp_data, nr),
	ARCH = offsetof(struct seccomp_data, arch),
	X32_BIT = 0x40000000
};

static const uint32_t allow = SECCOMP_RET_ALLOW;
/* Plus the ABI, for tracee_fetch(). */
static const uint32_t trace = SECCOMP_RET_TRACE;
static const uint32_t no_such_call = SECCOMP_RET_ERRNO | ENOSYS;

/* All numbers from `first` up to the next range. */
struct range {
	uint32_t first;
	uint32_t action;
	const struct syscall_row *row; /* with a condition; then `action` is not used */
	size_t rows;		       /* that many, one after the other */
	bool by_secret;		       /* with it the call is allowed */
	bool by_gate;		       /* likewise, at a place in its page */
};

struct builder {
	struct sock_filter *code;
	size_t size, capacity;
	enum arch_abi abi;
	bool ours;	 /* the second filter (syscalls/watching.h) */
	uint64_t secret; /* 0: none */
	bool failed;
};

static size_t emit(struct builder *builder, struct sock_filter instruction)
{
	if (builder->size == builder->capacity) {
		size_t capacity = builder->capacity ? builder->capacity * 2 : 256;
		struct sock_filter *code =
			realloc(builder->code, capacity * sizeof(*code));

		if (!code) {
			builder->failed = true;
			return 0;
		}
		builder->code = code;
		builder->capacity = capacity;
	}
	builder->code[builder->size] = instruction;
	return builder->size++;
}

static void emit_load(struct builder *builder, uint32_t offset)
{
	emit(builder, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void emit_return(struct builder *builder, uint32_t action)
{
	emit(builder, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static bool is_always(const struct row_condition *only_if)
{
	return only_if->count == 0;
}

static void emit_condition(struct builder *builder, const struct row_condition *only_if)
{
	size_t offset = offsetof(struct seccomp_data, args) +
			only_if->argument * sizeof(uint64_t);
	const uint32_t traced = trace | builder->abi;

	/* Little-endian: the low half comes first. */
	emit_load(builder, (uint32_t)offset);
	emit(builder,
	     (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, only_if->mask));
	for (unsigned int i = 0; i < only_if->count; i++) {
		/* One that spares the stop leads behind this condition. */
		uint8_t found = only_if->unless ? (uint8_t)(only_if->count - i) : 0;

		emit(builder, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   only_if->values[i], found,
							   !only_if->unless));
		if (!only_if->unless)
			emit_return(builder, traced);
	}
	if (only_if->unless)
		emit_return(builder, traced);
}

/* Of a call that the stub makes. */
static void emit_secret(struct builder *builder)
{
	const uint32_t at = offsetof(struct seccomp_data, args) + 5 * sizeof(uint64_t);
	const uint32_t low = (uint32_t)builder->secret;
	const uint32_t high = (uint32_t)(builder->secret >> 32);

	emit_load(builder, at);
	emit(builder,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 3));
	emit_load(builder, at + sizeof(low));
	emit(builder,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 1));
	emit_return(builder, allow);
}

/* Of a call that the stub has looked at. All six arguments are the program's, so that
 * none has a secret: what counts is where it is made, of which the run knows the place
 * in a page alone. */
static void emit_gate(struct builder *builder)
{
	const uint32_t others = (STUB_GATES - 1) * STUB_GATE;
	const uint32_t first = (STUB_GATES_AT + STUB_GATE_CALL) % STUB_PAGE;

	emit_load(builder, offsetof(struct seccomp_data, instruction_pointer));
	emit(builder, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K,
						   (STUB_PAGE - 1) & ~others));
	emit(builder,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1));
	emit_return(builder, allow);
}

static void emit_range(struct builder *builder, const struct range *range)
{
	if (range->by_secret && builder->secret)
		emit_secret(builder);
	if (range->by_gate && builder->secret)
		emit_gate(builder);
	for (size_t i = 0; i < range->rows; i++)
		emit_condition(builder, &range->row[i].only_if);
	emit_return(builder, range->rows ? allow : range->action);
}

/* The right half may be farther away than a conditional jump reaches (255). */
static void emit_search(struct builder *builder, const struct range *ranges,
			size_t count)
{
	size_t middle = count / 2;
	size_t jump;

	if (count == 1) {
		emit_range(builder, ranges);
		return;
	}
	emit(builder, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
						   ranges[middle].first, 0, 1));
	jump = emit(builder, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	emit_search(builder, ranges, middle);
	if (!builder->failed)
		builder->code[jump].k = (uint32_t)(builder->size - jump - 1);
	emit_search(builder, ranges + middle, count - middle);
}

static int compare_rows(const void *left, const void *right)
{
	const struct syscall_row *a = left;
	const struct syscall_row *b = right;

	return (a->number > b->number) - (a->number < b->number);
}

static void add_range(struct range *ranges, size_t *count, struct range range)
{
	struct range *last = *count ? &ranges[*count - 1] : NULL;

	if (last && last->first == range.first) {
		*last = range; /* the one before was empty */
		last = --*count ? last - 1 : NULL;
	}
	if (last && !last->rows && !range.rows && last->action == range.action &&
	    last->by_secret == range.by_secret && last->by_gate == range.by_gate)
		return;
	ranges[(*count)++] = range;
}

/* Rows sorted by number become ranges; `ranges` has room for 2 * count + 6. */
static size_t make_ranges(const struct syscall_row *rows, size_t count,
			  enum arch_abi abi, struct range *ranges)
{
	size_t used = 0;
	bool ring = true;

	add_range(ranges, &used, (struct range){.first = 0, .action = allow});
	for (size_t i = 0, same; i < count; i += same) {
		struct range range = {.first = (uint32_t)rows[i].number,
				      .action = trace | abi};
		bool always = false;

		for (same = 0; i + same < count; same++) {
			if (rows[i + same].number != rows[i].number)
				break;
			always |= is_always(&rows[i + same].only_if);
			range.by_secret |= rows[i + same].stub == ROW_STUB_MAKES ||
					   rows[i + same].stub == ROW_STUB_ANSWERS;
			range.by_gate |= rows[i + same].stub == ROW_STUB_LEADS;
		}
		if (!always) {
			range.row = &rows[i];
			range.rows = same;
		}
		if (ring && range.first >= __NR_io_uring_setup) {
			ring = false;
			if (range.first != __NR_io_uring_setup) {
				i -= same; /* this row once more, after the ring */
				range = (struct range){.first = __NR_io_uring_setup,
						       .action = no_such_call};
			}
		}
		add_range(ranges, &used, range);
		add_range(ranges, &used,
			  (struct range){.first = range.first + 1, .action = allow});
	}
	if (ring) {
		add_range(ranges, &used,
			  (struct range){.first = __NR_io_uring_setup,
					 .action = no_such_call});
		add_range(ranges, &used,
			  (struct range){.first = __NR_io_uring_setup + 1,
					 .action = allow});
	}
	if (arch_audit[abi] == AUDIT_ARCH_X86_64)
		add_range(ranges, &used,
			  (struct range){.first = X32_BIT, .action = no_such_call});
	return used;
}

/* All that is done for calls of one ABI; the program has looked at it before. */
static void emit_table(struct builder *builder, const struct syscall_table *table)
{
	size_t count = *table->count, used = 0;
	struct syscall_row *sorted = malloc((count + 1) * sizeof(*sorted));
	struct range *ranges = malloc((2 * count + 6) * sizeof(*ranges));

	if (!sorted || !ranges) {
		builder->failed = true;
	} else {
		for (size_t i = 0; i < count; i++) {
			const struct syscall_row *row = &table->rows[i];

			if (row->number >= 0 && row->only_if.ours == builder->ours)
				sorted[used++] = *row;
		}
		qsort(sorted, used, sizeof(*sorted), compare_rows);
		used = make_ranges(sorted, used, builder->abi, ranges);
		emit_load(builder, NUMBER);
		emit_search(builder, ranges, used);
	}
	free(sorted);
	free(ranges);
}

int filter_build(const struct syscall_table tables[ARCH_ABIS], bool ours,
		 uint64_t secret, struct sock_fprog *ret_program)
{
	struct builder builder = {.ours = ours, .secret = secret};
	size_t jump;

	emit_load(&builder, ARCH);
	for (enum arch_abi abi = 0; abi < ARCH_ABIS; abi++) {
		if (!arch_audit[abi])
			continue;
		builder.abi = abi;
		emit(&builder, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							    arch_audit[abi], 1, 0));
		jump = emit(&builder,
			    (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
		emit_table(&builder, &tables[abi]);
		if (!builder.failed)
			builder.code[jump].k = (uint32_t)(builder.size - jump - 1);
	}
	/* Programs of another architecture (32-bit arm) are left alone. */
	emit_return(&builder, allow);
	if (builder.failed || builder.size > BPF_MAXINSNS) {
		free(builder.code);
		return builder.failed ? -ENOMEM : -E2BIG;
	}
	ret_program->filter = builder.code;
	ret_program->len = (unsigned short)builder.size;
	return 0;
}

/* The filter keeps nobody in: without this flag kernels < 5.16 would slow the whole job
 * down against speculation (SSBD), as they do for sandboxes. < 4.17: no such flag. */
int filter_install(const struct sock_fprog *program)
{
	const unsigned int flags[] = {SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags[i], program) ==
		    0)
			return 0;
		if (errno != EINVAL)
			break;
	}
	return -errno;
}
