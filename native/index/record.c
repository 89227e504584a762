/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Catalog rows become entries: types come from the mode, contents from hash, chunks or
 * nested catalogs. Source: docs/format.md 4.4 to 4.8. */
#include "index/record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { /* docs/format.md 4.5 */
       CATALOG_NESTED = 2,
       CATALOG_CHUNKED = 64,
       CATALOG_EXTERNAL = 128,
       CATALOG_ALGORITHM_SHIFT = 8,
       CATALOG_COMPRESSION_SHIFT = 11,
       CATALOG_BIND = 0x4000,
       CATALOG_HIDDEN = 0x8000,
       CATALOG_DIRECT_IO = 0x10000
};

/* What is filled so far. `lists` and `nested` are the builder's, sorted. */
struct filling {
	const struct interpose_builder *builder;
	const struct build_tree *tree;
	struct build_key *lists, *nested;
	struct index_record *records;
	uint8_t *names, *blobs, *digests;
	struct index_xattr *xattrs;
	uint32_t names_used, blobs_used, digests_used, xattrs_used;
};

static void put_digest(struct filling *filling, struct index_record *record,
		       const uint8_t *digest, uint32_t algorithm)
{
	memcpy(filling->digests + (size_t)filling->digests_used * INTERPOSE_DIGEST_SIZE,
	       digest, INTERPOSE_DIGEST_SIZE);
	record->digest = ++filling->digests_used;
	record->algorithm = (uint8_t)algorithm;
}

static uint32_t put_blob(struct filling *filling, const uint8_t *bytes, uint32_t size)
{
	uint32_t offset = filling->blobs_used;

	memcpy(filling->blobs + offset, bytes, size);
	filling->blobs_used += size;
	return offset;
}

static unsigned int fill_directory(struct filling *filling, uint32_t number,
				   struct index_record *record)
{
	const struct interpose_builder *builder = filling->builder;
	uint32_t from = filling->tree->order[number];
	const struct interpose_row *row = &builder->rows[from].row;
	const struct build_nested *nested;
	unsigned int flags = 0;
	uint32_t at;

	record->size = (uint64_t)row->size;
	record->first = filling->tree->first_child[from];
	record->length = filling->tree->child_count[from];
	/* A catalog that is nested in itself would be a circle. */
	if (number == 0)
		return 0;
	if (row->flags & (CATALOG_NESTED | CATALOG_BIND))
		flags |= INTERPOSE_ENTRY_NESTED;
	if (row->flags & CATALOG_BIND)
		flags |= INTERPOSE_ENTRY_BIND;
	at = build_keys_find(filling->nested, builder->nested_count, row->path_1,
			     row->path_2);
	if (at == BUILD_NONE)
		return flags;
	nested = &builder->nested[at];
	flags |= INTERPOSE_ENTRY_NESTED;
	if (nested->is_bind)
		flags |= INTERPOSE_ENTRY_BIND;
	if (nested->has_digest)
		put_digest(filling, record, nested->digest, nested->algorithm);
	return flags;
}

/* `digest` is the row's own; a chunked file has the one of its list instead. */
static unsigned int fill_file(struct filling *filling, const struct interpose_row *row,
			      const uint8_t *digest, struct index_record *record)
{
	const struct interpose_builder *builder = filling->builder;
	uint32_t algorithm = row->flags >> CATALOG_ALGORITHM_SHIFT & 7;
	unsigned int flags = 0;
	uint32_t at;

	record->size = (uint64_t)row->size;
	if (row->flags & CATALOG_EXTERNAL)
		flags |= INTERPOSE_ENTRY_EXTERNAL;
	if (row->flags >> CATALOG_COMPRESSION_SHIFT & 7)
		flags |= INTERPOSE_ENTRY_UNCOMPRESSED;
	if (row->flags & CATALOG_DIRECT_IO)
		flags |= INTERPOSE_ENTRY_DIRECT_IO;
	if (!(row->flags & CATALOG_CHUNKED)) {
		if (row->digest_len == 0)
			return flags | INTERPOSE_ENTRY_NO_CONTENT;
		put_digest(filling, record, digest, algorithm);
		return flags;
	}
	record->algorithm = (uint8_t)algorithm;
	at = build_keys_find(filling->lists, builder->list_count, row->path_1,
			     row->path_2);
	if (at != BUILD_NONE) {
		record->first = builder->lists[at].first;
		record->length = builder->lists[at].count;
		put_digest(filling, record, builder->lists[at].digest, algorithm);
	}
	return flags | INTERPOSE_ENTRY_CHUNKED;
}

static unsigned int fill_link(struct filling *filling, const struct interpose_row *row,
			      const uint8_t *target, struct index_record *record)
{
	record->size = row->target_len;
	record->length = row->target_len;
	record->first = put_blob(filling, target, row->target_len);
	for (uint32_t i = 1; i < row->target_len; i++) {
		if (target[i - 1] == '$' && target[i] == '(')
			return INTERPOSE_ENTRY_VARIANT;
	}
	return 0;
}

static void fill_record(struct filling *filling, uint32_t number)
{
	uint32_t from = filling->tree->order[number];
	const struct build_row *kept = &filling->builder->rows[from];
	const struct interpose_row *row = &kept->row;
	const uint8_t *bytes = filling->builder->bytes + kept->bytes;
	const uint8_t *target = bytes + row->name_len,
		      *digest = target + row->target_len;
	struct index_record *record = &filling->records[number];
	uint32_t links = (uint32_t)row->hardlinks;
	unsigned int flags = 0;

	record->mode = row->mode;
	record->mtime = row->mtime;
	record->mtime_ns = row->mtime_ns;
	record->uid = row->uid;
	record->gid = row->gid;
	record->nlink = links > 0 ? links : 1;
	record->inode = number + 1;
	record->parent = filling->tree->number[filling->tree->parent[from]];
	record->name = filling->names_used;
	record->name_len = (uint8_t)row->name_len;
	memcpy(filling->names + filling->names_used, bytes, row->name_len);
	filling->names_used += row->name_len;
	if (S_ISDIR(row->mode))
		flags = fill_directory(filling, number, record);
	else if (S_ISREG(row->mode))
		flags = fill_file(filling, row, digest, record);
	else if (S_ISLNK(row->mode))
		flags = fill_link(filling, row, target, record);
	else if (S_ISCHR(row->mode) || S_ISBLK(row->mode))
		record->size = (uint64_t)row->size;
	if (row->flags & CATALOG_HIDDEN)
		flags |= INTERPOSE_ENTRY_HIDDEN;
	if (row->xattr_len > 0) {
		struct index_xattr *xattr = &filling->xattrs[filling->xattrs_used++];

		flags |= INTERPOSE_ENTRY_XATTR;
		xattr->number = number;
		xattr->size = row->xattr_len;
		xattr->offset =
			put_blob(filling, digest + row->digest_len, row->xattr_len);
	}
	record->flags = (uint16_t)flags;
}

/* All of a hard-link group get the number of its first entry. */
static int join_groups(const struct filling *filling)
{
	const struct build_tree *tree = filling->tree;
	struct build_key *members = calloc(tree->count, sizeof(*members));
	size_t count = 0;
	uint32_t first = 0;

	if (members == NULL)
		return -ENOMEM;
	for (uint32_t number = 0; number < tree->count; number++) {
		const struct interpose_row *row =
			&filling->builder->rows[tree->order[number]].row;

		if (row->hardlinks >> 32 == 0 || S_ISDIR(row->mode))
			continue;
		members[count].first = (int64_t)(row->hardlinks >> 32);
		members[count].second = number;
		members[count++].number = number;
	}
	build_keys_sort(members, count); /* no two are equal: each has its number */
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || members[i].first != members[i - 1].first)
			first = members[i].number;
		filling->records[members[i].number].inode = first + 1;
	}
	free(members);
	return 0;
}

/* Of one content from `from` on: the end; and whether they are several files. */
static size_t end_of_content(const struct filling *filling,
			     const struct build_key *files, size_t count, size_t from,
			     bool *ret_several)
{
	uint32_t inode = filling->records[files[from].number].inode;
	size_t end = from;

	*ret_several = false;
	while (end < count && files[end].first == files[from].first &&
	       files[end].second == files[from].second)
		*ret_several |= filling->records[files[end++].number].inode != inode;
	return end;
}

/* Marks files that share their content. Most of a hash does: a mark too many is none
 * too few. */
static int mark_twins(const struct filling *filling)
{
	struct build_key *files = calloc(filling->tree->count, sizeof(*files));
	size_t count = 0, end;
	bool several;

	if (files == NULL)
		return -ENOMEM;
	for (uint32_t number = 0; number < filling->tree->count; number++) {
		const struct index_record *record = &filling->records[number];
		const uint8_t *digest = filling->digests;

		if (!S_ISREG(record->mode) || record->digest == 0)
			continue;
		digest += (size_t)(record->digest - 1) * INTERPOSE_DIGEST_SIZE;
		memcpy(&files[count].first, digest, sizeof(files[count].first));
		memcpy(&files[count].second, digest + sizeof(files[count].first),
		       sizeof(files[count].second));
		files[count++].number = number;
	}
	build_keys_sort(files, count); /* that some are equal is what is looked for */
	for (size_t from = 0; from < count; from = end) {
		end = end_of_content(filling, files, count, from, &several);
		for (size_t i = from; several && i < end; i++)
			filling->records[files[i].number].flags |= INTERPOSE_ENTRY_TWIN;
	}
	free(files);
	return 0;
}

/* Lists and nested catalogs of one path cannot be two; a nested catalog needs a
 * directory (one without any row is no matter: nobody can get there). */
static int sort_extras(struct filling *filling)
{
	const struct interpose_builder *builder = filling->builder;
	const struct build_tree *tree = filling->tree;

	for (size_t i = 0; i < builder->list_count; i++) {
		filling->lists[i] = builder->lists[i].key;
		filling->lists[i].number = (uint32_t)i;
	}
	for (size_t i = 0; i < builder->nested_count; i++) {
		const struct build_key *key = &builder->nested[i].key;
		uint32_t row = build_keys_find(tree->keys, tree->count, key->first,
					       key->second);

		if (row != BUILD_NONE && !S_ISDIR(builder->rows[row].row.mode))
			return -EBADMSG;
		filling->nested[i] = *key;
		filling->nested[i].number = (uint32_t)i;
	}
	if (build_keys_sort(filling->lists, builder->list_count) < 0)
		return -EBADMSG;
	return build_keys_sort(filling->nested, builder->nested_count);
}

int build_records(const struct interpose_builder *builder,
		  const struct build_tree *tree, const struct index_header *header,
		  uint8_t *image)
{
	struct filling filling = {
		.builder = builder,
		.tree = tree,
		.records = (void *)(image + header->parts[INDEX_ENTRIES].offset),
		.names = image + header->parts[INDEX_NAMES].offset,
		.blobs = image + header->parts[INDEX_BLOBS].offset,
		.digests = image + header->parts[INDEX_DIGESTS].offset,
		.xattrs = (void *)(image + header->parts[INDEX_XATTRS].offset),
	};
	int error = -ENOMEM;

	filling.lists = calloc(builder->list_count + 1, sizeof(*filling.lists));
	filling.nested = calloc(builder->nested_count + 1, sizeof(*filling.nested));
	if (filling.lists != NULL && filling.nested != NULL)
		error = sort_extras(&filling);
	if (error == 0) {
		if (builder->chunk_count > 0)
			memcpy(image + header->parts[INDEX_CHUNKS].offset,
			       builder->chunks, header->parts[INDEX_CHUNKS].size);
		for (uint32_t number = 0; number < tree->count; number++)
			fill_record(&filling, number);
		error = join_groups(&filling);
		if (error == 0)
			error = mark_twins(&filling);
	}
	free(filling.lists);
	free(filling.nested);
	return error;
}
