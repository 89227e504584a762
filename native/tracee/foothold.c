/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tracee/foothold.h"

#include <stdlib.h>
#include <string.h>

/* A program that makes its own code has ever new addresses. */
enum { FIRST_SITES = 64, MOST_SITES = 4096 };

bool foothold_knows(const struct foothold *foothold, uint64_t call)
{
	for (uint32_t i = 0; i < foothold->site_count; i++)
		if (foothold->sites[i].call == call)
			return true;
	return false;
}

bool foothold_learn(struct foothold *foothold, const struct foothold_site *site)
{
	uint32_t room = foothold->site_room ? foothold->site_room * 2 : FIRST_SITES;
	struct foothold_site *grown;

	if (foothold->site_count == foothold->site_room) {
		grown = room > MOST_SITES
				? NULL
				: realloc(foothold->sites, room * sizeof(*grown));
		if (!grown)
			return false;
		foothold->sites = grown;
		foothold->site_room = room;
	}
	foothold->sites[foothold->site_count++] = *site;
	return true;
}

/* Without memory for the sites the child has a stub that we do not know enough of: it
 * works, and cannot be mended if the program takes its memory away. */
void foothold_copy(struct foothold *foothold, const struct foothold *from)
{
	const size_t size = from->site_count * sizeof(*from->sites);

	*foothold = *from;
	foothold->calls = 0;
	foothold->site_count = foothold->site_room = 0;
	foothold->sites = size ? malloc(size) : NULL;
	if (from->state == FOOTHOLD_LOADING)
		foothold->state = FOOTHOLD_REFUSED;
	if (!foothold->sites)
		return;
	memcpy(foothold->sites, from->sites, size);
	foothold->site_count = foothold->site_room = from->site_count;
}

void foothold_forget(struct foothold *foothold)
{
	free(foothold->sites);
	foothold->sites = NULL;
	foothold->site_count = foothold->site_room = 0;
}
