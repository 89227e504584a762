/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the filter for rows read from standard input, or with an argument for the rows
 * of the program: ROW number argument count mask values..., CODE code jt jf k. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tracer/filter.h"

enum { ROWS_MAX = 1000 };

static size_t read_rows(struct syscall_row *rows)
{
	size_t used = 0;
	int number, argument, count;
	uint32_t mask;

	while (used < ROWS_MAX &&
	       scanf("%d %d %d %" SCNu32, &number, &argument, &count, &mask) == 4) {
		struct row_condition *only_if = &rows[used].only_if;

		rows[used].number = number;
		only_if->argument = (uint8_t)argument;
		only_if->count = (uint8_t)count;
		only_if->mask = mask;
		for (int i = 0; i < count; i++)
			if (scanf("%" SCNu32, &only_if->values[i]) != 1)
				exit(2);
		used++;
	}
	return used;
}

static void print_row(const struct syscall_row *row)
{
	const struct row_condition *only_if = &row->only_if;

	printf("ROW %d %d %d %" PRIu32, row->number, only_if->argument, only_if->count,
	       only_if->mask);
	for (unsigned int i = 0; i < only_if->count; i++)
		printf(" %" PRIu32, only_if->values[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct syscall_row given[ROWS_MAX];
	const struct syscall_row *rows = given;
	struct sock_fprog program;
	size_t count;

	(void)argv;
#ifdef WITH_ROWS
	if (argc > 1) {
		rows = syscall_rows;
		count = syscall_row_count;
	} else
#endif
		count = argc > 1 ? 0 : read_rows(given);
	if (filter_build(rows, count, &program) < 0)
		return 1;
	printf("ARCH %" PRIu32 "\n", arch_audit);
	for (size_t i = 0; i < count; i++)
		print_row(&rows[i]);
	for (unsigned int i = 0; i < program.len; i++)
		printf("CODE %u %u %u %" PRIu32 "\n", program.filter[i].code,
		       program.filter[i].jt, program.filter[i].jf, program.filter[i].k);
	return 0;
}
