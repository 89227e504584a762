/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the rows of a catalog in. Whatever no writer would make is refused here, so
 * that the later steps can rely on lengths, types and bounds. */
#include "index/build.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "index/format.h"

enum { MAX_BYTES = INT32_MAX, MAX_CHUNKS = 1 << 26, ALGORITHM_SHIFT = 8 };

struct interpose_builder *interpose_builder_create(void)
{
	return calloc(1, sizeof(struct interpose_builder));
}

void interpose_builder_destroy(struct interpose_builder *builder)
{
	if (builder == NULL)
		return;
	free(builder->rows);
	free(builder->bytes);
	free(builder->chunks);
	free(builder->lists);
	free(builder->nested);
	free(builder);
}

/* `array` with room for `wanted` things, moved or not; NULL without memory. */
static void *reserve(void *array, size_t *room, size_t wanted, size_t size)
{
	size_t larger = *room < 64 ? 64 : *room * 2;
	void *moved;

	if (array != NULL && wanted <= *room)
		return array;
	if (larger < wanted)
		larger = wanted;
	moved = realloc(array, larger * size);
	if (moved != NULL)
		*room = larger;
	return moved;
}

/* Room for `more` things in one of the builder's arrays: 0 or a negative errno. */
#define RESERVE(array, count, room, more, max)                                     \
	({                                                                         \
		int error_ = (more) > (max) - (count) ? -EBADMSG : -ENOMEM;        \
		void *moved_ = error_ == -EBADMSG                                  \
				       ? NULL                                      \
				       : reserve(array, &(room), (count) + (more), \
						 sizeof(*(array)));                \
		if (moved_ != NULL)                                                \
			(array) = moved_;                                          \
		moved_ != NULL ? 0 : error_;                                       \
	})

static int reserve_rows(struct interpose_builder *builder, size_t count,
			size_t bytes_len)
{
	int error = RESERVE(builder->rows, builder->row_count, builder->row_room, count,
			    (size_t)INDEX_COUNT_MAX);

	if (error < 0)
		return error;
	return RESERVE(builder->bytes, builder->byte_count, builder->byte_room,
		       bytes_len, (size_t)MAX_BYTES);
}

static int reserve_list(struct interpose_builder *builder, size_t count)
{
	int error = RESERVE(builder->lists, builder->list_count, builder->list_room, 1,
			    (size_t)INDEX_COUNT_MAX);

	if (error < 0)
		return error;
	return RESERVE(builder->chunks, builder->chunk_count, builder->chunk_room,
		       count, (size_t)MAX_CHUNKS);
}

static bool name_is_sound(const char *name, size_t len)
{
	if (len == 0) /* of a root; tree.c refuses others */
		return true;
	if (len > INDEX_NAME_MAX || memchr(name, '\0', len) || memchr(name, '/', len))
		return false;
	return !(len == 1 && name[0] == '.') &&
	       !(len == 2 && memcmp(name, "..", 2) == 0);
}

static bool type_is_known(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return mode <= 0177777;
	default:
		return false;
	}
}

/* `bytes` holds the row's own bytes, as many as its lengths say. */
static bool row_is_sound(const struct interpose_row *row, const uint8_t *bytes)
{
	const char *name = (const char *)bytes;
	uint32_t algorithm = row->flags >> ALGORITHM_SHIFT & 7;
	uint32_t compression = row->flags >> 11 & 7;

	if (!type_is_known(row->mode) || row->size < 0 || row->mtime_ns >= 1000000000)
		return false;
	if (!name_is_sound(name, row->name_len))
		return false;
	if (row->target_len > 0 && memchr(name + row->name_len, '\0', row->target_len))
		return false;
	if (row->digest_len != 0 && row->digest_len != INTERPOSE_DIGEST_SIZE)
		return false;
	return !S_ISREG(row->mode) ||
	       (algorithm <= INTERPOSE_SHAKE128 && compression <= 1);
}

int interpose_builder_add_rows(struct interpose_builder *builder,
			       const struct interpose_row *rows, size_t count,
			       const uint8_t *bytes, size_t bytes_len)
{
	int error = reserve_rows(builder, count, bytes_len);
	size_t used = 0;

	if (error < 0)
		return error;
	for (size_t i = 0; i < count; i++) {
		const struct interpose_row *row = &rows[i];
		struct build_row *kept = &builder->rows[builder->row_count + i];
		size_t own;

		if (row->name_len > INDEX_NAME_MAX ||
		    row->target_len > INDEX_TARGET_MAX ||
		    row->digest_len > INTERPOSE_DIGEST_SIZE ||
		    row->xattr_len > INDEX_XATTR_MAX)
			return -EBADMSG;
		own = (size_t)row->name_len + row->target_len + row->digest_len +
		      row->xattr_len;
		if (own > bytes_len - used || !row_is_sound(row, bytes + used))
			return -EBADMSG;
		kept->row = *row;
		kept->bytes = builder->byte_count + used;
		used += own;
	}
	if (used != bytes_len)
		return -EBADMSG;
	if (bytes_len > 0)
		memcpy(builder->bytes + builder->byte_count, bytes, bytes_len);
	builder->row_count += count;
	builder->byte_count += bytes_len;
	return 0;
}

int interpose_builder_add_chunks(struct interpose_builder *builder, int64_t path_1,
				 int64_t path_2, const uint8_t *digest,
				 const struct interpose_chunk *chunks, size_t count)
{
	struct build_list *list;
	int error;

	if (digest == NULL)
		return -EBADMSG;
	error = reserve_list(builder, count);
	if (error < 0)
		return error;
	list = &builder->lists[builder->list_count++];
	list->key.first = path_1;
	list->key.second = path_2;
	list->first = (uint32_t)builder->chunk_count;
	list->count = (uint32_t)count;
	memcpy(list->digest, digest, INTERPOSE_DIGEST_SIZE);
	if (count > 0)
		memcpy(builder->chunks + builder->chunk_count, chunks,
		       count * sizeof(*chunks));
	builder->chunk_count += count;
	return 0;
}

int interpose_builder_add_nested(struct interpose_builder *builder, int64_t path_1,
				 int64_t path_2, const uint8_t *digest,
				 uint32_t algorithm, int is_bind)
{
	struct build_nested *nested;
	int error;

	if (digest != NULL && algorithm > INTERPOSE_SHAKE128)
		return -EBADMSG;
	error = RESERVE(builder->nested, builder->nested_count, builder->nested_room, 1,
			(size_t)INDEX_COUNT_MAX);
	if (error < 0)
		return error;
	nested = &builder->nested[builder->nested_count++];
	memset(nested, 0, sizeof(*nested));
	nested->key.first = path_1;
	nested->key.second = path_2;
	nested->is_bind = is_bind != 0;
	if (digest != NULL) {
		nested->has_digest = 1;
		nested->algorithm = algorithm;
		memcpy(nested->digest, digest, INTERPOSE_DIGEST_SIZE);
	}
	return 0;
}
