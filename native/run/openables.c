/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/openables.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * OPENABLES_MOST };

struct openables {
	struct openable *list[OPENABLES_MOST];
	uint32_t count;
	uint16_t slots[SLOTS]; /* by place: number + 1; 0: free */
	char *bases[OPENABLES_BASES];
	bool doubted;
};

struct openables *openables_create(void)
{
	return calloc(1, sizeof(struct openables));
}

void openables_destroy(struct openables *openables)
{
	if (!openables)
		return;
	for (uint32_t i = 0; i < openables->count; i++)
		free(openables->list[i]);
	for (int i = 0; i < OPENABLES_BASES; i++)
		free(openables->bases[i]);
	free(openables);
}

static bool is_same(const struct openable *one, const struct object_found *found,
		    const struct place *place)
{
	return place_equal(&one->place, place) && one->st.st_ino == found->st.st_ino &&
	       one->st.st_dev == found->st.st_dev &&
	       one->st.st_ctim.tv_sec == found->st.st_ctim.tv_sec &&
	       one->st.st_ctim.tv_nsec == found->st.st_ctim.tv_nsec;
}

static size_t start_of(const struct place *place)
{
	uint64_t hash = (uint64_t)place->mount << 48 ^ (uint64_t)place->catalog << 24 ^
			place->entry;

	hash = (hash ^ hash >> 29) * 0x9e3779b97f4a7c15ull;
	return hash >> 40 & (SLOTS - 1);
}

/* The free slot, or NULL: it is there. The table is at most half full. */
static uint16_t *free_slot(struct openables *openables,
			   const struct object_found *found, const struct place *place)
{
	size_t at;

	for (at = start_of(place); openables->slots[at]; at = (at + 1) & (SLOTS - 1))
		if (is_same(openables->list[openables->slots[at] - 1], found, place))
			return NULL;
	return &openables->slots[at];
}

bool openables_has(const struct run *run, const struct place *place)
{
	const struct openables *openables = run->openables;

	for (size_t at = start_of(place); openables->slots[at];
	     at = (at + 1) & (SLOTS - 1))
		if (place_equal(&openables->list[openables->slots[at] - 1]->place,
				place))
			return true;
	return false;
}

/* Objects lie in directories by the first digits of their hashes. NULL: elsewhere. */
static const char *name_of(const char *path)
{
	const char *end = strrchr(path, '/'), *at = end;

	while (at && at > path && at[-1] != '/')
		at--;
	return at && at > path + 1 && strlen(at) < OPENABLE_NAME ? at : NULL;
}

bool openables_base_of(struct run *run, const char *path, size_t len,
		       uint32_t *ret_base)
{
	struct openables *openables = run->openables;

	for (uint32_t i = 0; i < OPENABLES_BASES; i++) {
		char **base = &openables->bases[i];

		if (!*base)
			*base = strndup(path, len);
		*ret_base = i;
		if (*base && strncmp(*base, path, len) == 0 && !(*base)[len])
			return true;
	}
	return false;
}

const char *openables_base(const struct run *run, uint32_t number)
{
	return number < OPENABLES_BASES ? run->openables->bases[number] : NULL;
}

void openables_note(struct run *run, const struct object_found *found,
		    const struct place *place)
{
	struct openables *openables = run->openables;
	const char *name = name_of(found->path);
	struct openable *one;
	uint32_t base;
	uint16_t *slot;

	if (openables->count == OPENABLES_MOST || !name ||
	    !openables_base_of(run, found->path, (size_t)(name - found->path - 1),
			       &base))
		return;
	slot = free_slot(openables, found, place);
	one = slot ? calloc(1, sizeof(*one)) : NULL;
	if (!one)
		return;
	one->place = *place;
	one->st = found->st;
	one->is_shared = found->is_shared;
	one->is_foreign = found->is_foreign;
	one->base = base;
	strcpy(one->name, name);
	openables->list[openables->count++] = one;
	*slot = (uint16_t)openables->count;
}

uint32_t openables_count(const struct run *run)
{
	return run->openables->count;
}

const struct openable *openables_at(const struct run *run, uint32_t number)
{
	return run->openables->list[number];
}

void openables_doubt(struct run *run)
{
	run->openables->doubted = true;
}

bool openables_doubted(const struct run *run)
{
	return run->openables->doubted;
}
