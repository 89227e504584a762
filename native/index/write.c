/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lays the file out and writes it. The table comes last, because its size is known only
 * when names and parents stand. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/build.h"
#include "index/checksum.h"
#include "index/format.h"
#include "index/lookup.h"
#include "index/record.h"

static uint64_t align(uint64_t size, uint64_t unit)
{
	return (size + unit - 1) / unit * unit;
}

/* Sizes that the rows ask for: at most what was taken in, so no sum overflows. */
static void measure(const struct interpose_builder *builder, uint64_t *sizes)
{
	for (size_t i = 0; i < builder->row_count; i++) {
		const struct interpose_row *row = &builder->rows[i].row;

		sizes[INDEX_NAMES] += row->name_len;
		sizes[INDEX_BLOBS] += row->xattr_len;
		if (S_ISLNK(row->mode))
			sizes[INDEX_BLOBS] += row->target_len;
		if (row->xattr_len > 0)
			sizes[INDEX_XATTRS] += sizeof(struct index_xattr);
		if (S_ISREG(row->mode) && row->digest_len > 0)
			sizes[INDEX_DIGESTS] += INTERPOSE_DIGEST_SIZE;
	}
	sizes[INDEX_ENTRIES] = builder->row_count * sizeof(struct index_record);
	sizes[INDEX_DIGESTS] += builder->list_count * INTERPOSE_DIGEST_SIZE;
	sizes[INDEX_DIGESTS] += builder->nested_count * INTERPOSE_DIGEST_SIZE;
	sizes[INDEX_CHUNKS] = builder->chunk_count * sizeof(struct interpose_chunk);
}

static uint64_t lay_out(const struct interpose_builder *builder,
			struct index_header *header)
{
	static const enum index_part before_table[] = {INDEX_ENTRIES, INDEX_NAMES,
						       INDEX_BLOBS,   INDEX_DIGESTS,
						       INDEX_CHUNKS,  INDEX_XATTRS};
	uint64_t sizes[INDEX_PARTS] = {0};
	uint64_t end = align(sizeof(*header), INDEX_LINE);

	measure(builder, sizes);
	for (size_t i = 0; i < sizeof(before_table) / sizeof(before_table[0]); i++) {
		struct index_section *part = &header->parts[before_table[i]];

		part->offset = end;
		part->size = sizes[before_table[i]];
		end = align(end + part->size, INDEX_LINE);
	}
	return end;
}

static int write_all(int fd, const void *data, size_t size, uint64_t at)
{
	const uint8_t *bytes = data;

	while (size > 0) {
		ssize_t done = pwrite(fd, bytes, size, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		size -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

/* The table is the one part that is not in the image. */
static void add_sums(const uint8_t *image, struct index_header *header,
		     const struct build_table *table)
{
	for (int i = 0; i < INDEX_PARTS; i++) {
		const struct index_section *part = &header->parts[i];
		const void *bytes = i == INDEX_TABLE ? (const void *)table->slots
						     : image + part->offset;

		header->sums[i] = index_checksum(bytes, part->size);
	}
}

static int write_file(int fd, uint8_t *image, struct index_header *header,
		      const struct build_table *table)
{
	struct index_section *part = &header->parts[INDEX_TABLE];
	int error;

	part->size = sizeof(*table->slots) << table->bits;
	header->magic = INDEX_MAGIC;
	header->version = INTERPOSE_INDEX_VERSION;
	header->file_size = align(part->offset + part->size, INDEX_PAGE);
	header->seed = table->seed;
	header->table_bits = table->bits;
	header->number_bits = (uint32_t)__builtin_popcount(table->number_mask);
	header->probes = table->probes;
	add_sums(image, header, table);
	header->checksum = index_name_hash((const char *)header,
					   offsetof(struct index_header, checksum));
	memcpy(image, header, sizeof(*header));
	if (ftruncate(fd, (off_t)header->file_size) < 0)
		return -errno;
	error = write_all(fd, image, part->offset, 0);
	if (error < 0)
		return error;
	return write_all(fd, table->slots, part->size, part->offset);
}

static int finish(const struct interpose_builder *builder,
		  const struct build_tree *tree, struct index_header *header, int fd)
{
	uint64_t size = lay_out(builder, header);
	uint8_t *image = calloc(1, size);
	struct build_table table = {0};
	uint64_t seed;
	int error;

	if (image == NULL)
		return -ENOMEM;
	header->parts[INDEX_TABLE].offset = size;
	header->count = tree->count;
	memcpy(&seed, header->digest, sizeof(seed));
	error = build_records(builder, tree, header, image);
	if (error == 0)
		error = build_table_create(
			(struct index_record *)(image +
						header->parts[INDEX_ENTRIES].offset),
			tree->count, image + header->parts[INDEX_NAMES].offset, seed,
			&table);
	if (error == 0)
		error = write_file(fd, image, header, &table);
	build_table_destroy(&table);
	free(image);
	return error;
}

int interpose_builder_finish(struct interpose_builder *builder, int fd,
			     const uint8_t *catalog_digest, uint32_t catalog_algorithm,
			     int64_t root_1, int64_t root_2)
{
	const struct build_key root = {.first = root_1, .second = root_2};
	struct index_header header = {.algorithm = catalog_algorithm};
	struct build_tree tree;
	int error;

	if (catalog_digest == NULL || catalog_algorithm > INTERPOSE_SHAKE128)
		return -EBADMSG;
	memcpy(header.digest, catalog_digest, sizeof(header.digest));
	error = build_tree_create(builder, &root, &tree);
	if (error < 0)
		return error;
	error = finish(builder, &tree, &header, fd);
	build_tree_destroy(&tree);
	return error;
}
