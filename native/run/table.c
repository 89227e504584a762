/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_COUNT = 256 };

int table_init(struct table *table, const struct table_kind *kind)
{
	*table = (struct table){.kind = kind, .count = FIRST_COUNT};
	table->slots = calloc(table->count + 1, kind->size);
	return table->slots ? 0 : -ENOMEM;
}

void table_deinit(struct table *table)
{
	free(table->slots);
	table->slots = NULL;
}

void *table_at(const struct table *table, size_t number)
{
	return table->slots + number * table->kind->size;
}

/* The slot with the key, or the free one where it belongs. */
static void *slot_of(const struct table *table, const void *key)
{
	size_t at = (size_t)table->kind->hash(key) & (table->count - 1);
	void *slot;

	for (;; at = (at + 1) & (table->count - 1)) {
		slot = table_at(table, at);
		if (table->kind->is_free(slot) || table->kind->is_same(slot, key))
			return slot;
	}
}

void *table_find(const struct table *table, const void *key)
{
	void *slot = slot_of(table, key);

	return table->kind->is_free(slot) ? NULL : slot;
}

static void move_slot(const struct table *to, const void *slot)
{
	memcpy(slot_of(to, slot), slot, to->kind->size);
}

static int grow(struct table *table)
{
	struct table grown = *table;

	grown.count = table->count * 2;
	grown.slots = calloc(grown.count + 1, table->kind->size);
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++)
		if (!table->kind->is_free(table_at(table, i)))
			move_slot(&grown, table_at(table, i));
	free(table->slots);
	*table = grown;
	return 0;
}

void *table_take(struct table *table, const void *key)
{
	void *slot = slot_of(table, key);

	if (!table->kind->is_free(slot))
		return slot;
	if (table->used * 2 >= table->count) {
		if (grow(table) < 0)
			return NULL;
		slot = slot_of(table, key);
	}
	table->used++;
	return slot;
}

void table_remove(struct table *table, void *slot)
{
	const size_t size = table->kind->size;
	size_t at = (size_t)((char *)slot - table->slots) / size;
	char *spare = table_at(table, table->count);

	memset(slot, 0, size);
	table->used--;
	/* What stands behind it was perhaps put there because of it. */
	for (;;) {
		at = (at + 1) & (table->count - 1);
		slot = table_at(table, at);
		if (table->kind->is_free(slot))
			return;
		memcpy(spare, slot, size);
		memset(slot, 0, size);
		move_slot(table, spare);
	}
}
