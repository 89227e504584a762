/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of opened repositories, and how more is learnt. */
#include "run/mounttable.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/broken.h"
#include "run/clock.h"
#include "run/kept.h"

/* ---- what is known ---- */

const struct interpose_mount *mounts_record(const struct mounts *mounts, uint32_t mount)
{
	return mounts->mounts[mount].record;
}

const char *mounts_fqrn(const struct mounts *mounts, uint32_t mount)
{
	return mounts->mounts[mount].fqrn;
}

uint32_t mounts_count(const struct mounts *mounts)
{
	return mounts->count;
}

const char *mounts_span(const struct mounts *mounts, uint32_t mount,
			struct interpose_span span, uint32_t *ret_len)
{
	const struct mount *m = &mounts->mounts[mount];

	*ret_len = 0;
	if (span.offset > m->record_len || span.length > m->record_len - span.offset)
		return NULL;
	*ret_len = span.length;
	return (const char *)m->record + span.offset;
}

const struct index_map *mounts_catalog(const struct mounts *mounts, uint32_t mount,
				       uint32_t catalog)
{
	const struct mount *m;

	if (mount >= mounts->count)
		return NULL;
	m = &mounts->mounts[mount];
	if (catalog >= m->catalog_count || m->catalogs[catalog].state != SLOT_OPEN)
		return NULL;
	return &m->catalogs[catalog].map;
}

struct place mounts_mountpoint(const struct mounts *mounts, uint32_t mount,
			       uint32_t catalog)
{
	return mounts->mounts[mount].catalogs[catalog].mountpoint;
}

/* ---- how more is learnt ---- */

void *mounttable_map_file(const char *path, bool own_only, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *base = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && (!own_only || kept_is_own(fd))) {
		base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		*ret_size = (size_t)st.st_size;
	}
	close(fd);
	if (base == NULL)
		errno = EBADMSG;
	return base == MAP_FAILED ? NULL : base;
}

uint32_t mounttable_ask(struct run *run, const struct channel_question *question)
{
	int id = channel_ask(run->channel, question);

	run->counters.questions++;
	broken_question(run, id);
	return id > 0 ? (uint32_t)id : 0;
}

bool mounttable_retry_now(time_t failed_at)
{
	return clock_now_s() - failed_at >= RETRY_AFTER_S;
}
