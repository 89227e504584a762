/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/nodes.h"

#include <stdlib.h>

#include "run/inscription.h"
#include "run/mounts.h"
#include "run/table.h"

struct nodes {
	struct table table;
	struct node_devices devices;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t hash = (a ^ 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;

	hash = (hash ^ (hash >> 29) ^ b) * 0xc4ceb9fe1a85ec53ull;
	return hash ^ (hash >> 32);
}

static uint64_t hash_of(const void *slot)
{
	const struct node *node = slot;

	return mix(node->dev, node->ino);
}

static bool is_free(const void *slot)
{
	return !((const struct node *)slot)->kind;
}

static bool is_same(const void *slot, const void *other)
{
	const struct node *one = slot, *two = other;

	return one->dev == two->dev && one->ino == two->ino;
}

static const struct table_kind kind_of_table = {sizeof(struct node), hash_of, is_free,
						is_same};

struct nodes *nodes_create(void)
{
	struct nodes *nodes = calloc(1, sizeof(*nodes));

	if (nodes && table_init(&nodes->table, &kind_of_table) < 0) {
		free(nodes);
		return NULL;
	}
	return nodes;
}

void nodes_destroy(struct nodes *nodes)
{
	if (!nodes)
		return;
	table_deinit(&nodes->table);
	free(nodes);
}

static void note_device(struct node_devices *devices, const struct stat *st)
{
	const size_t most = sizeof(devices->list) / sizeof(devices->list[0]);
	const bool writable = st->st_mode & 0222;
	size_t at = 0;

	while (at < devices->count && at < most && devices->list[at].dev != st->st_dev)
		at++;
	if (at == most) {
		devices->changes += devices->count == most;
		devices->count = most + 1;
		return;
	}
	if (at < devices->count && devices->list[at].writable >= writable)
		return;
	devices->list[at].dev = st->st_dev;
	devices->list[at].writable |= writable;
	devices->count += at == devices->count;
	devices->changes++;
}

const struct node_devices *nodes_devices(const struct run *run)
{
	return &run->nodes->devices;
}

void nodes_learn(const struct run *run, const struct stat *st, enum node_kind kind,
		 const struct place *place)
{
	const struct node learned = {kind, st->st_dev, st->st_ino, st->st_mtim, *place};
	struct node *node = table_take(&run->nodes->table, &learned);

	if (!node)
		return; /* Then fstat shows the object's own numbers. */
	if (kind == NODE_OBJECT)
		note_device(&run->nodes->devices, st);
	*node = learned;
}

static struct node *numbered(const struct run *run, uint64_t dev, uint64_t ino)
{
	const struct node key = {.dev = dev, .ino = ino};

	return table_find(&run->nodes->table, &key);
}

void nodes_forget(struct run *run, uint64_t dev, uint64_t ino)
{
	struct node *gone = numbered(run, dev, ino);

	if (gone)
		table_remove(&run->nodes->table, gone);
}

const struct node *nodes_numbered(const struct run *run, uint64_t dev, uint64_t ino)
{
	return numbered(run, dev, ino);
}

/* A skeleton that a stub has made, or a copy of a twin that it has opened, by what it
 * says of itself. */
static const struct node *learn_inscribed(const struct run *run, const struct stat *st)
{
	struct inscription text;
	struct place place;

	if ((!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode)) ||
	    st->st_dev != run->memory->dev ||
	    !inscription_read(&st->st_mtim, run->number, &text) ||
	    !mounts_place(run->mounts, &text, &place))
		return NULL;
	nodes_learn(run, st, S_ISDIR(st->st_mode) ? NODE_SKELETON : NODE_OBJECT,
		    &place);
	return nodes_numbered(run, st->st_dev, st->st_ino);
}

const struct node *nodes_find(const struct run *run, const struct stat *st)
{
	const struct node *node = nodes_numbered(run, st->st_dev, st->st_ino);

	/* Of all that is ours only a FIFO is ever written. */
	if (node && node->kind == NODE_SKELETON && S_ISFIFO(st->st_mode))
		return node;
	if (node && node->written.tv_sec == st->st_mtim.tv_sec &&
	    node->written.tv_nsec == st->st_mtim.tv_nsec)
		return node;
	return learn_inscribed(run, st);
}

bool nodes_none(const struct run *run)
{
	return run->nodes->table.used == 0;
}
