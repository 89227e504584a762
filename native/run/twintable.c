/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/twintable.h"

#include <stdlib.h>
#include <sys/random.h>

#include "run/mounts.h"
#include "run/twins.h"

struct twins *twins_create(void)
{
	struct twins *twins = calloc(1, sizeof(*twins));

	if (twins && getrandom(&twins->secret, sizeof(twins->secret), 0) < 0)
		twins->secret = 0;
	return twins;
}

void twins_destroy(struct twins *twins)
{
	if (!twins)
		return;
	free(twins->list);
	free(twins);
}

static uint32_t *head_of(struct twins *twins, const struct place *place)
{
	uint64_t hash = (uint64_t)place->mount << 32 | place->catalog;

	hash = (hash ^ (uint64_t)place->entry << 20) * 0xff51afd7ed558ccdull;
	hash = (hash ^ hash >> 29) * 0xc4ceb9fe1a85ec53ull;
	return &twins->heads[(hash ^ hash >> 32) % TWINTABLE_BUCKETS];
}

struct twin *twintable_find(struct twins *twins, const struct place *place,
			    bool in_memory)
{
	for (uint32_t at = *head_of(twins, place); at; at = twins->list[at - 1].next) {
		struct twin *twin = &twins->list[at - 1];

		if (twin->in_memory == in_memory && place_equal(&twin->place, place))
			return twin;
	}
	return NULL;
}

static uint32_t number_of(const struct twins *twins, const struct twin *twin)
{
	return (uint32_t)(twin - twins->list);
}

static struct twin *new_one(struct twins *twins)
{
	uint32_t room = twins->room ? twins->room * 2 : 64;
	uint32_t number = twins->free;
	struct twin *list;

	if (number) {
		twins->free = twins->list[number - 1].next;
		return &twins->list[number - 1];
	}
	if (twins->count == twins->room) {
		list = realloc(twins->list, room * sizeof(*list));
		if (!list)
			return NULL;
		twins->list = list;
		twins->room = room;
	}
	return &twins->list[twins->count++];
}

static bool make_text(const struct run *run, const struct place *place,
		      struct inscription *ret_text)
{
	*ret_text = (struct inscription){
		.run = run->number, .mount = place->mount, .entry = place->entry};
	return mounts_number(run->mounts, place, &ret_text->catalog) &&
	       inscription_fits(ret_text);
}

struct twin *twintable_add(const struct run *run, const struct place *place,
			   bool in_memory)
{
	struct twins *twins = run->twins;
	uint32_t *head = head_of(twins, place);
	struct twin *twin = twintable_find(twins, place, in_memory);

	if (twin)
		return twin;
	twin = new_one(twins);
	if (!twin)
		return NULL;
	*twin = (struct twin){.place = *place,
			      .in_memory = in_memory,
			      .next = *head,
			      .serial = ++twins->last_serial};
	twin->is_inscribed = in_memory && make_text(run, place, &twin->text);
	*head = number_of(twins, twin) + 1;
	return twin;
}

void twintable_take_out(struct twins *twins, struct twin *twin)
{
	uint32_t number = number_of(twins, twin);
	uint32_t *at = head_of(twins, &twin->place);

	while (*at != number + 1)
		at = &twins->list[*at - 1].next;
	*at = twin->next;
	*twin = (struct twin){.next = twins->free};
	twins->free = number + 1;
}
