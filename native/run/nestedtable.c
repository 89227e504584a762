/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/nestedtable.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SIZE = 16 };

/* Where a row belongs, or the free one behind it. */
static struct nested *row_of(const struct nestedtable *table, uint32_t catalog,
			     uint32_t entry)
{
	uint64_t hash = ((uint64_t)catalog << 32 | entry) * 0x9e3779b97f4a7c15ull;
	size_t at = (size_t)(hash >> 20) & (table->size - 1);

	while (table->rows[at].slot &&
	       (table->rows[at].catalog != catalog || table->rows[at].entry != entry))
		at = (at + 1) & (table->size - 1);
	return &table->rows[at];
}

static int grow(struct nestedtable *table)
{
	struct nestedtable larger = {.size = table->size ? 2 * table->size : FIRST_SIZE,
				     .used = table->used};

	larger.rows = calloc(larger.size, sizeof(*larger.rows));
	if (!larger.rows)
		return -ENOMEM;
	for (size_t i = 0; i < table->size; i++) {
		const struct nested *row = &table->rows[i];

		if (row->slot)
			*row_of(&larger, row->catalog, row->entry) = *row;
	}
	free(table->rows);
	*table = larger;
	return 0;
}

uint32_t nestedtable_find(const struct nestedtable *table, uint32_t catalog,
			  uint32_t entry)
{
	return table->size ? row_of(table, catalog, entry)->slot : 0;
}

int nestedtable_add(struct nestedtable *table, const struct nested *nested)
{
	struct nested *row;

	if (2 * table->used >= table->size && grow(table) < 0)
		return -ENOMEM;
	row = row_of(table, nested->catalog, nested->entry);
	table->used += !row->slot;
	*row = *nested;
	return 0;
}

void nestedtable_deinit(struct nestedtable *table)
{
	free(table->rows);
	*table = (struct nestedtable){0};
}
