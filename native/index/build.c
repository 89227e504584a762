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

/* Room for `more` things after `count`, at most `max` in all. Returns the array, moved
 * or not; NULL: *ret_error says why and the old one stays. */
static void *reserve(void *array, size_t *room, size_t count, size_t more, size_t size,
		     size_t max, int *ret_error)
{
	size_t wanted = *room;
	void *moved;

	if (more > max - count) {
		*ret_error = -EBADMSG;
		return NULL;
	}
	if (array != NULL && count + more <= *room)
		return array;
	wanted = wanted < 64 ? 64 : wanted * 2;
	if (wanted < count + more)
		wanted = count + more;
	moved = realloc(array, wanted * size);
	if (moved == NULL) {
		*ret_error = -ENOMEM;
		return NULL;
	}
	*room = wanted;
	return moved;
}

#define RESERVE(builder, array, count, room, more, max, ret_error)                    \
	({                                                                            \
		void *moved_ =                                                        \
			reserve((builder)->array, &(builder)->room, (builder)->count, \
				more, sizeof(*(builder)->array), max, ret_error);     \
		if (moved_ != NULL)                                                   \
			(builder)->array = moved_;                                    \
		moved_ != NULL;                                                       \
	})

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
	size_t used = 0;
	int error = 0;

	if (!RESERVE(builder, rows, row_count, row_room, count, INDEX_COUNT_MAX,
		     &error) ||
	    !RESERVE(builder, bytes, byte_count, byte_room, bytes_len, MAX_BYTES,
		     &error))
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
	int error = 0;

	if (digest == NULL)
		return -EBADMSG;
	if (!RESERVE(builder, lists, list_count, list_room, 1, INDEX_COUNT_MAX,
		     &error) ||
	    !RESERVE(builder, chunks, chunk_count, chunk_room, count, MAX_CHUNKS,
		     &error))
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
				 uint32_t algorithm, uint64_t size, int is_bind)
{
	struct build_nested *nested;
	int error = 0;

	(void)size; /* its hash proves the catalog, the size is a hint for progress only
		     */
	if (digest != NULL && algorithm > INTERPOSE_SHAKE128)
		return -EBADMSG;
	if (!RESERVE(builder, nested, nested_count, nested_room, 1, INDEX_COUNT_MAX,
		     &error))
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
