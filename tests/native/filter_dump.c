/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the filter for rows read from standard input, those of the second ABI behind a
 * line with -2, or with an argument for the rows of the program (with a second one for
 * those of its second filter): for each ABI ARCH and
 * its ROW number argument count unless mask values...; then CODE code jt jf k. With
 * SECRET in the environment it is the filter of a run that has the stub. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tracer/filter.h"

enum { ROWS_MAX = 1000, END = -2 };

static size_t read_rows(struct syscall_row *rows)
{
	size_t used = 0;
	int number, argument, count, unless;
	uint32_t mask;

	while (used < ROWS_MAX && scanf("%d", &number) == 1 && number != END &&
	       scanf("%d %d %d %" SCNu32, &argument, &count, &unless, &mask) == 4) {
		struct row_condition *only_if = &rows[used].only_if;

		rows[used].number = number;
		only_if->argument = (uint8_t)argument;
		only_if->count = (uint8_t)count;
		only_if->unless = unless;
		only_if->mask = mask;
		for (int i = 0; i < count; i++)
			if (scanf("%" SCNu32, &only_if->values[i]) != 1)
				exit(2);
		used++;
	}
	return used;
}

static void print_row(const struct syscall_row *row, bool ours)
{
	const struct row_condition *only_if = &row->only_if;

	if (only_if->ours != ours)
		return;
	printf("ROW %d %d %u %d %" PRIu32, row->number, only_if->argument,
	       only_if->count, only_if->unless, only_if->mask);
	for (unsigned int i = 0; i < only_if->count; i++)
		printf(" %" PRIu32, only_if->values[i]);
	printf("\n");
}

static void print_table(uint32_t arch, const struct syscall_table *table, bool ours)
{
	printf("ARCH %" PRIu32 "\n", arch);
	for (size_t i = 0; i < *table->count; i++)
		print_row(&table->rows[i], ours);
}

int main(int argc, char **argv)
{
	static struct syscall_row given[ARCH_ABIS][ROWS_MAX];
	static size_t counts[ARCH_ABIS];
	const struct syscall_table read_tables[ARCH_ABIS] = {
		{given[ARCH_OWN], &counts[ARCH_OWN]},
		{given[ARCH_I386], &counts[ARCH_I386]}};
	const struct syscall_table *tables = read_tables;
	struct sock_fprog program;
	const char *secret;

	(void)argv;
#ifdef WITH_ROWS
	if (argc > 1)
		tables = syscall_tables;
#endif
	for (int abi = 0; argc == 1 && abi < ARCH_ABIS; abi++)
		counts[abi] = read_rows(given[abi]);
	secret = getenv("SECRET");
	if (filter_build(tables, argc > 2, secret ? strtoull(secret, NULL, 10) : 0,
			 &program) < 0)
		return 1;
	for (int abi = 0; abi < ARCH_ABIS; abi++)
		if (arch_audit[abi])
			print_table(arch_audit[abi], &tables[abi], argc > 2);
	for (unsigned int i = 0; i < program.len; i++)
		printf("CODE %u %u %u %" PRIu32 "\n", program.filter[i].code,
		       program.filter[i].jt, program.filter[i].jf, program.filter[i].k);
	return 0;
}
