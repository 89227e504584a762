/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A catalog whose index has lost bytes while it was in use is mapped anew, under the
 * slot and with the entry numbers that it had: equal catalogs give equal files. */
#include "index/mapping.h"
#include "run/mounttable.h"

bool mounts_are_whole(const struct mounts *mounts)
{
	return !mounts->was_missed && mounts->breaks == mapping_breaks();
}

/* Takes one catalog a step on. True if it is there again; *ret_question: who is asked
 * for it. */
static bool mend(struct run *run, uint32_t mount, struct catalog *catalog,
		 uint32_t *ret_question)
{
	uint32_t question;

	if (catalog->state == SLOT_OPEN && mapping_is_broken(&catalog->map)) {
		catalogs_close(&run->mounts->mounts[mount], catalog);
		catalog->is_lost = true;
		/* Another run may have mended it already. */
		catalogs_map(run->mounts, mount, catalog);
	}
	if (!catalog->is_lost)
		return false;
	question = catalogs_advance(run, mount, catalog);
	if (question)
		*ret_question = question;
	if (catalog->state != SLOT_OPEN)
		return false;
	catalog->is_lost = false;
	return true;
}

bool mounts_mend(struct run *run, uint32_t *ret_question)
{
	struct mounts *mounts = run->mounts;
	bool any = false;

	*ret_question = 0;
	if (mounts_are_whole(mounts))
		return false;
	mounts->was_missed = false;
	mounts->breaks = mapping_breaks();
	for (uint32_t i = 0; i < mounts->count; i++)
		for (uint32_t k = 0; k < mounts->mounts[i].catalog_count; k++)
			any |= mend(run, i, &mounts->mounts[i].catalogs[k],
				    ret_question);
	return any || *ret_question;
}
