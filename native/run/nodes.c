/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/nodes.h"

#include <errno.h>
#include <stdlib.h>

#include "run/inscription.h"
#include "run/mounts.h"

enum { FIRST_SIZE = 256 };

struct nodes { /* an open-addressed table, at most half full */
	struct node *nodes;
	size_t size, used;
	struct node_devices devices;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t hash = (a ^ 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;

	hash = (hash ^ (hash >> 29) ^ b) * 0xc4ceb9fe1a85ec53ull;
	return hash ^ (hash >> 32);
}

struct nodes *nodes_create(void)
{
	struct nodes *nodes = calloc(1, sizeof(*nodes));

	if (!nodes)
		return NULL;
	nodes->size = FIRST_SIZE;
	nodes->nodes = calloc(nodes->size, sizeof(*nodes->nodes));
	if (!nodes->nodes) {
		nodes_destroy(nodes);
		return NULL;
	}
	return nodes;
}

void nodes_destroy(struct nodes *nodes)
{
	if (!nodes)
		return;
	free(nodes->nodes);
	free(nodes);
}

static struct node *node_slot(struct node *table, size_t size, uint64_t dev,
			      uint64_t ino)
{
	size_t at = (size_t)mix(dev, ino) & (size - 1);

	while (table[at].kind && (table[at].dev != dev || table[at].ino != ino))
		at = (at + 1) & (size - 1);
	return &table[at];
}

static int node_grow(struct nodes *nodes)
{
	struct node *table = calloc(nodes->size * 2, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < nodes->size; i++) {
		const struct node *old = &nodes->nodes[i];

		if (old->kind)
			*node_slot(table, nodes->size * 2, old->dev, old->ino) = *old;
	}
	free(nodes->nodes);
	nodes->nodes = table;
	nodes->size *= 2;
	return 0;
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
	struct nodes *nodes = run->nodes;
	struct node *node;

	if (nodes->used * 2 >= nodes->size && node_grow(nodes) < 0)
		return; /* Then fstat shows the object's own numbers. */
	node = node_slot(nodes->nodes, nodes->size, st->st_dev, st->st_ino);
	if (!node->kind)
		nodes->used++;
	if (kind == NODE_OBJECT)
		note_device(&nodes->devices, st);
	*node = (struct node){kind, st->st_dev, st->st_ino, st->st_mtim, *place};
}

void nodes_forget(struct run *run, uint64_t dev, uint64_t ino)
{
	struct nodes *nodes = run->nodes;
	struct node *gone = node_slot(nodes->nodes, nodes->size, dev, ino), moved;
	size_t at = (size_t)(gone - nodes->nodes);

	if (!gone->kind)
		return;
	gone->kind = 0;
	nodes->used--;
	/* What stands behind it was perhaps put there because of it. */
	for (;;) {
		at = (at + 1) & (nodes->size - 1);
		if (!nodes->nodes[at].kind)
			return;
		moved = nodes->nodes[at];
		nodes->nodes[at].kind = 0;
		*node_slot(nodes->nodes, nodes->size, moved.dev, moved.ino) = moved;
	}
}

const struct node *nodes_numbered(const struct run *run, uint64_t dev, uint64_t ino)
{
	const struct nodes *nodes = run->nodes;
	const struct node *node = node_slot(nodes->nodes, nodes->size, dev, ino);

	return node->kind ? node : NULL;
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
	return run->nodes->used == 0;
}
