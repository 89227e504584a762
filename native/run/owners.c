/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/owners.h"

#include <stdlib.h>
#include <string.h>

#include "run/mounts.h"
#include "run/table.h"

enum { CATALOG_BITS = 20, MOUNT_MOST = 1 << 12 };

/* Half of a hash has to do: who shares it with another content gets a copy of its own
 * without need. */
struct owner_slot {
	uint64_t print; /* 0: free */
	uint32_t entry;
	uint32_t catalog; /* mount << CATALOG_BITS | catalog */
};

struct owners {
	struct table table;
};

/* A digest is its own good hash. */
static uint64_t hash_of(const void *slot)
{
	return ((const struct owner_slot *)slot)->print;
}

static bool is_free(const void *slot)
{
	return !hash_of(slot);
}

static bool is_same(const void *slot, const void *other)
{
	return hash_of(slot) == hash_of(other);
}

static const struct table_kind kind = {sizeof(struct owner_slot), hash_of, is_free,
				       is_same};

struct owners *owners_create(void)
{
	struct owners *owners = calloc(1, sizeof(*owners));

	if (owners && table_init(&owners->table, &kind) < 0) {
		free(owners);
		return NULL;
	}
	return owners;
}

void owners_destroy(struct owners *owners)
{
	if (!owners)
		return;
	table_deinit(&owners->table);
	free(owners);
}

static struct owner_slot key_of(const uint8_t *digest)
{
	struct owner_slot key = {0};

	memcpy(&key.print, digest, sizeof(key.print));
	key.print += !key.print;
	return key;
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
	struct owner_slot key = key_of(entry->digest), *slot;
	struct place owner;

	slot = table_find(&run->owners->table, &key);
	if (slot) {
		owner = place_of(slot);
		return is_same_file(run, &owner, place, entry) ? OWNER_PLACE
							       : OWNER_ANOTHER;
	}
	if (place->mount >= MOUNT_MOST || place->catalog >> CATALOG_BITS)
		return OWNER_UNKNOWN;
	slot = table_take(&run->owners->table, &key);
	if (!slot)
		return OWNER_UNKNOWN;
	key.entry = place->entry;
	key.catalog = place->mount << CATALOG_BITS | place->catalog;
	*slot = key;
	return OWNER_PLACE;
}

bool owners_find(const struct run *run, const uint8_t *digest, struct place *ret_place)
{
	const struct owner_slot key = key_of(digest);
	const struct owner_slot *slot = table_find(&run->owners->table, &key);

	if (slot)
		*ret_place = place_of(slot);
	return slot;
}
