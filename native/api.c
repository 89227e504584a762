/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reading half of interpose.h for Python: the tracer's own lookup on a mapped file.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "index/lookup.h"
#include "interpose.h"

struct interpose_index {
	struct index_map map;
};

int interpose_index_open(int fd, struct interpose_index **ret_index)
{
	struct interpose_index *index;
	struct stat status;
	size_t size;
	void *base;
	int error;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size <= 0)
		return -EBADMSG;
	size = (size_t)status.st_size;
	index = calloc(1, sizeof(*index));
	if (index == NULL)
		return -ENOMEM;
	base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED) {
		error = -errno;
		free(index);
		return error;
	}
	error = index_map_check(&index->map, base, size);
	if (error < 0) {
		munmap(base, size);
		free(index);
		return error;
	}
	*ret_index = index;
	return 0;
}

void interpose_index_close(struct interpose_index *index)
{
	if (index == NULL)
		return;
	munmap((void *)index->map.base, index->map.size);
	free(index);
}

uint32_t interpose_index_count(const struct interpose_index *index)
{
	return index->map.count;
}

int interpose_index_entry(const struct interpose_index *index, uint32_t number,
			  struct interpose_entry *ret_entry)
{
	return index_entry(&index->map, number, ret_entry);
}

int interpose_index_child(const struct interpose_index *index, uint32_t directory,
			  const char *name, size_t name_len, uint32_t *ret_number)
{
	uint64_t hash = index_name_hash(name, name_len);

	switch (index_child(&index->map, directory, name, name_len, hash, ret_number)) {
	case LOOKUP_FOUND:
		return 1;
	case LOOKUP_ABSENT:
		return 0;
	default:
		return -EBADMSG;
	}
}

void interpose_shut_process(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
