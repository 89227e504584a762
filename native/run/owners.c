/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/mounts.h"

enum { FIRST_SIZE = 1024, CATALOG_BITS = 20, MOUNT_MOST = 1 << 12 };

/* Half of a hash has to do: who shares it with another content gets a copy of its own
 * without need. */
struct owner_slot {
	uint64_t print; /* 0: free */
	uint32_t entry;
	uint32_t catalog; /* mount << CATALOG_BITS | catalog */
};

struct owners { /* open addressing, at most half full */
	struct owner_slot *slots;
	size_t size, used;
};

struct owners *owners_create(void)
{
	struct owners *owners = calloc(1, sizeof(*owners));

	if (!owners)
		return NULL;
	owners->size = FIRST_SIZE;
	owners->slots = calloc(owners->size, sizeof(*owners->slots));
	if (!owners->slots) {
		free(owners);
		return NULL;
	}
	return owners;
}

void owners_destroy(struct owners *owners)
{
	if (!owners)
		return;
	free(owners->slots);
	free(owners);
}

static uint64_t print_of(const uint8_t *digest)
{
	uint64_t print; /* A digest is its own good hash. */

	memcpy(&print, digest, sizeof(print));
	return print ? print : 1;
}

static struct owner_slot *slot_of(struct owner_slot *slots, size_t size, uint64_t print)
{
	size_t at = (size_t)print & (size - 1);

	while (slots[at].print && slots[at].print != print)
		at = (at + 1) & (size - 1);
	return &slots[at];
}

static int grow(struct owners *owners)
{
	const size_t size = owners->size * 2;
	struct owner_slot *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < owners->size; i++) {
		const struct owner_slot *old = &owners->slots[i];

		if (old->print)
			*slot_of(slots, size, old->print) = *old;
	}
	free(owners->slots);
	owners->slots = slots;
	owners->size = size;
	return 0;
}

static struct place place_of(const struct owner_slot *slot)
{
	return (struct place){PLACE_ENTRY, slot->catalog >> CATALOG_BITS,
			      slot->catalog & ((1u << CATALOG_BITS) - 1), slot->entry};
}

/* Hard links: one file, of one number. */
static bool is_same_file(const struct run *run, const struct place *owner,
			 const struct place *place, const struct interpose_entry *entry)
{
	const struct index_map *map;
	struct interpose_entry other;

	if (place_equal(owner, place))
		return true;
	if (owner->mount != place->mount || owner->catalog != place->catalog)
		return false;
	map = mounts_catalog(run->mounts, owner->mount, owner->catalog);
	return map && index_entry(map, owner->entry, &other) == 0 &&
	       other.inode == entry->inode;
}

enum owner owners_take(struct run *run, const struct place *place,
		       const struct interpose_entry *entry)
{
	struct owners *owners = run->owners;
	const uint64_t print = print_of(entry->digest);
	struct owner_slot *slot = slot_of(owners->slots, owners->size, print);
	struct place owner;

	if (slot->print) {
		owner = place_of(slot);
		return is_same_file(run, &owner, place, entry) ? OWNER_PLACE
							       : OWNER_ANOTHER;
	}
	if (place->mount >= MOUNT_MOST || place->catalog >> CATALOG_BITS)
		return OWNER_UNKNOWN;
	if (owners->used * 2 >= owners->size) {
		if (grow(owners) < 0)
			return OWNER_UNKNOWN;
		slot = slot_of(owners->slots, owners->size, print);
	}
	owners->used++;
	*slot = (struct owner_slot){print, place->entry,
				    place->mount << CATALOG_BITS | place->catalog};
	return OWNER_PLACE;
}

bool owners_find(const struct run *run, const uint8_t *digest, struct place *ret_place)
{
	const struct owners *owners = run->owners;
	const struct owner_slot *slot =
		slot_of(owners->slots, owners->size, print_of(digest));

	*ret_place = place_of(slot);
	return slot->print;
}
