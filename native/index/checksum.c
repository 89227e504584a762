/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Eight lanes that do not wait for one another: as fast as memory is read. Each step is
 * a bijection of its word and of what came before, so one changed word is always
 * noticed, and a word that moved changes the step that it meets. */
#include "index/checksum.h"

#include <string.h>

#include "index/hash.h"

enum { LANES = 8, BLOCK = LANES * 8 };

static inline uint64_t step(uint64_t lane, uint64_t word)
{
	lane = (lane ^ word) * INDEX_ODD_2;
	return lane << 29 | lane >> 35;
}

static void take_block(uint64_t *lanes, const uint8_t *block)
{
	uint64_t words[LANES];

	memcpy(words, block, sizeof(words));
	for (int i = 0; i < LANES; i++)
		lanes[i] = step(lanes[i], words[i]);
}

uint64_t index_checksum(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint64_t lanes[LANES], sum = size * INDEX_ODD_1;
	uint8_t last[BLOCK];
	size_t left = size;

	for (uint64_t i = 0; i < LANES; i++)
		lanes[i] = (i + 1) * INDEX_ODD_1;
	for (; left >= BLOCK; left -= BLOCK, at += BLOCK)
		take_block(lanes, at);
	if (left > 0) {
		memset(last, 0, sizeof(last));
		memcpy(last, at, left);
		take_block(lanes, last);
	}
	for (int i = 0; i < LANES; i++)
		sum = step(sum, lanes[i]);
	return sum ^ sum >> 32;
}
