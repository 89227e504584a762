/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fills a table of nested catalogs; prints how many are found again, how many that are
 * not there are found, and the longest run of rows that a look can have to pass. */
#include <stdio.h>

#include "run/nestedtable.h"

enum { COUNT = 100000, IN_ONE_CATALOG = 50 };

static uint32_t entry_of(uint32_t slot)
{
	return 1 + slot % IN_ONE_CATALOG * 64; /* directories come at even distances */
}

static size_t longest_run(const struct nestedtable *table)
{
	size_t longest = 0, run = 0;

	for (size_t i = 0; i < 2 * table->size; i++) { /* twice: a run may wrap */
		run = table->rows[i & (table->size - 1)].slot ? run + 1 : 0;
		if (run > longest)
			longest = run;
	}
	return longest;
}

int main(void)
{
	struct nestedtable table = {0};
	unsigned int found = 0, wrong = nestedtable_find(&table, 0, 1);

	for (uint32_t slot = 1; slot <= COUNT; slot++) {
		struct nested one = {slot / IN_ONE_CATALOG, entry_of(slot), slot};

		if (nestedtable_add(&table, &one) < 0)
			return 1;
	}
	for (uint32_t slot = 1; slot <= COUNT; slot++) {
		uint32_t catalog = slot / IN_ONE_CATALOG;

		found += nestedtable_find(&table, catalog, entry_of(slot)) == slot;
		wrong += nestedtable_find(&table, catalog, entry_of(slot) + 1) != 0;
	}
	printf("%u %u %zu\n", found, wrong, longest_run(&table));
	nestedtable_deinit(&table);
	return 0;
}
