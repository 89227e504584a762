/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of opened repositories, and how more is learnt. */
#include "run/mounttable.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/checksum.h"
#include "index/mapping.h"
#include "run/believed.h"
#include "run/broken.h"
#include "run/clock.h"

enum { RECORD_MAX = 16 << 20 };

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
	if (catalog >= m->catalog_count)
		return NULL;
	catalogs_attach(mounts, mount, &m->catalogs[catalog]);
	if (m->catalogs[catalog].state == SLOT_OPEN &&
	    !mapping_is_broken(&m->catalogs[catalog].map))
		return &m->catalogs[catalog].map;
	*mounts->ret_missed = true;
	return NULL;
}

struct place mounts_mountpoint(const struct mounts *mounts, uint32_t mount,
			       uint32_t catalog)
{
	return mounts->mounts[mount].catalogs[catalog].mountpoint;
}

/* ---- how more is learnt ---- */

int mounttable_open(const struct mounts *mounts, const char *path)
{
	int fd;

	/* Nobody else may change the way: so it is the same when it is opened. */
	if (!believed(mounts->scratch, path))
		return -EPERM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* `size` bytes of memory of our own: what happens to the file later is of no matter. */
static void *read_whole(int fd, size_t size)
{
	char *bytes = malloc(size);
	size_t done = 0;

	while (bytes && done < size) {
		ssize_t got = read(fd, bytes + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	if (done == size)
		return bytes;
	free(bytes);
	return NULL;
}

static bool record_is_whole(const struct interpose_mount *record, size_t size)
{
	const size_t start = offsetof(struct interpose_mount, revision);

	return record->magic == INTERPOSE_MOUNT_MAGIC &&
	       record->version == INTERPOSE_MOUNT_VERSION &&
	       record->checksum ==
		       index_checksum((const char *)record + start, size - start);
}

struct interpose_mount *mounttable_read(const struct mounts *mounts, const char *path,
					size_t *ret_size)
{
	struct interpose_mount *record = NULL;
	int fd = mounttable_open(mounts, path);
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size >= (off_t)sizeof(*record) && st.st_size <= RECORD_MAX) {
		*ret_size = (size_t)st.st_size;
		record = read_whole(fd, *ret_size);
	}
	close(fd);
	if (!record || record_is_whole(record, *ret_size))
		return record;
	free(record);
	return NULL;
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
