/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes inodes and forgets some of them again, as copies come and go; prints how many
 * looks were wrong, and whether none is left at the end. */
#include <stdio.h>
#include <stdlib.h>

#include "run/mounts.h"
#include "run/nodes.h"

enum { NUMBERS = 5000, TURNS = 200000, DEVICE = 7 };

static bool is_there[NUMBERS];

/* There are no repositories. */
bool mounts_place(const struct mounts *mounts, const struct inscription *text,
		  struct place *ret_place)
{
	(void)mounts;
	(void)text;
	(void)ret_place;
	return false;
}

static void learn(struct run *run, uint64_t number)
{
	const struct stat st = {.st_dev = DEVICE, .st_ino = number};
	const struct place place = {PLACE_ENTRY, 0, 0, (uint32_t)number};

	nodes_learn(run, &st, NODE_OBJECT, &place);
}

static unsigned int count_wrong(const struct run *run)
{
	unsigned int wrong = 0;

	for (uint64_t number = 0; number < NUMBERS; number++) {
		const struct node *node = nodes_numbered(run, DEVICE, number);

		wrong += (node != NULL) != is_there[number] ||
			 (node && node->place.entry != number);
	}
	return wrong;
}

int main(void)
{
	struct run run = {.nodes = nodes_create()};
	unsigned int wrong = 0;

	srand(1);
	for (int turn = 0; turn < TURNS; turn++) {
		uint64_t number = (uint64_t)rand() % NUMBERS;

		if (is_there[number])
			nodes_forget(&run, DEVICE, number);
		else
			learn(&run, number);
		is_there[number] = !is_there[number];
		if (turn % 10000 == 0)
			wrong += count_wrong(&run);
	}
	nodes_forget(&run, DEVICE, NUMBERS + 1); /* never was */
	wrong += count_wrong(&run);
	for (uint64_t number = 0; number < NUMBERS; number++)
		nodes_forget(&run, DEVICE, number);
	printf("%u %d\n", wrong, nodes_none(&run));
	nodes_destroy(run.nodes);
	return 0;
}
