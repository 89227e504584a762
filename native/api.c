/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reading half of interpose.h for Python: the tracer's own lookup on a mapped file.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "index/checksum.h"
#include "index/lookup.h"
#include "index/mapping.h"
#include "interpose.h"
#include "owned/owned.h"
#include "owned/types.h"

struct interpose_index {
	struct index_map map;
};

int interpose_index_open(int fd, struct interpose_index **ret_index)
{
	struct interpose_index *index = calloc(1, sizeof(*index));
	int error;

	if (index == NULL)
		return -ENOMEM;
	error = mapping_open(fd, &index->map);
	if (error < 0) {
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
	mapping_close(&index->map);
	free(index);
}

int interpose_index_is_broken(const struct interpose_index *index)
{
	return mapping_is_broken(&index->map);
}

uint32_t interpose_index_catalog(const struct interpose_index *index,
				 uint8_t *ret_digest)
{
	memcpy(ret_digest, index->map.digest, sizeof(index->map.digest));
	return index->map.algorithm;
}

uint32_t interpose_index_count(const struct interpose_index *index)
{
	return index->map.count;
}

int interpose_index_entry(const struct interpose_index *index, uint32_t number,
			  struct interpose_entry *ret_entry)
{
	int error = index_entry(&index->map, number, ret_entry);

	return mapping_is_broken(&index->map) ? -EBADMSG : error;
}

int interpose_index_child(const struct interpose_index *index, uint32_t directory,
			  const char *name, size_t name_len, uint32_t *ret_number)
{
	uint64_t hash = index_name_hash(name, name_len);
	enum lookup found =
		index_child(&index->map, directory, name, name_len, hash, ret_number);

	if (mapping_is_broken(&index->map))
		return -EBADMSG;
	switch (found) {
	case LOOKUP_FOUND:
		return 1;
	case LOOKUP_ABSENT:
		return 0;
	default:
		return -EBADMSG;
	}
}

int interpose_owned(const char *path, char *where, size_t size)
{
	return owned_check(path, where, size);
}

int interpose_is_of_this_node(int fd)
{
	return type_is_of_this_node(fd);
}

int interpose_rename_new(int directory, const char *from, const char *to)
{
	if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0)
		return 0;
	return -errno;
}

uint64_t interpose_checksum(const uint8_t *bytes, size_t size)
{
	return index_checksum(bytes, size);
}

void interpose_shut_process(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
