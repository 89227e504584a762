/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Damages a finished index file (or builds one of impossible rows) and asks it
 * everything. Built with sanitizers: a read beyond the file ends the program. Usage:
 * index_fuzz damage|build FILE SEED ROUNDS */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/format.h"
#include "index/lookup.h"

static uint64_t state;
static volatile uint64_t sink;

static uint32_t pick(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static void touch(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sink += ((const uint8_t *)bytes)[i];
}

static void ask_entry(const struct index_map *map, uint32_t number)
{
	struct interpose_entry entry;
	uint32_t found;
	uint64_t hash;

	if (index_entry(map, number, &entry) < 0)
		return;
	touch(entry.name, entry.name_len);
	touch(entry.target, entry.target_len);
	touch(entry.xattr, entry.xattr_len);
	touch(entry.digest, entry.digest != NULL ? INTERPOSE_DIGEST_SIZE : 0);
	touch(entry.chunks, entry.chunk_count * sizeof(*entry.chunks));
	if (number >= map->count ||
	    entry.first_child + entry.child_count > map->count ||
	    (number > 0 && entry.parent >= number) ||
	    (entry.child_count > 0 && entry.first_child <= number))
		abort();
	hash = index_name_hash(entry.name, entry.name_len);
	if (index_child(map, entry.parent, entry.name, entry.name_len, hash, &found) ==
		    LOOKUP_FOUND &&
	    (found >= map->count || found <= entry.parent))
		abort();
}

static void ask_all(const struct index_map *map)
{
	for (uint32_t number = 0; number <= map->count; number++)
		ask_entry(map, number);
	for (int i = 0; i < 200; i++) {
		char name[INDEX_NAME_MAX];
		size_t len = pick(sizeof(name));
		uint32_t found;

		for (size_t k = 0; k < len; k++)
			name[k] = (char)pick(256);
		index_child(map, pick(map->count + 2), name, len,
			    index_name_hash(name, len), &found);
	}
}

static void damage(uint8_t *file, size_t size)
{
	struct index_header *header = (struct index_header *)file;
	uint32_t flips = 1 + pick(12);
	uint32_t region = pick(2) ? sizeof(*header) : (uint32_t)size;

	for (uint32_t i = 0; i < flips; i++) {
		uint32_t at = pick(region);

		file[at] = (uint8_t)(pick(2) ? pick(256)
					     : (uint32_t)file[at] ^ 1u << pick(8));
	}
	/* Mostly with a checksum that fits, else nothing but the checksum is tested. */
	if (pick(4) > 0) {
		header->magic = INDEX_MAGIC;
		header->version = INTERPOSE_INDEX_VERSION;
		header->file_size = size;
		header->checksum = index_name_hash(
			(const char *)header, offsetof(struct index_header, checksum));
	}
}

static int damage_rounds(const char *path, int rounds)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	struct index_map map;
	uint8_t *whole, *copy;
	size_t size;
	int accepted = 0;

	if (file == NULL || fstat(fileno(file), &status) < 0)
		return -1;
	size = (size_t)status.st_size;
	whole = malloc(size);
	if (whole == NULL || fread(whole, 1, size, file) != size)
		return -1;
	for (int i = 0; i < rounds; i++) {
		size_t kept =
			pick(8) ? size : (1 + pick((uint32_t)(size / 4096))) * 4096;

		copy = aligned_alloc(4096, kept);
		memcpy(copy, whole, kept);
		if (i > 0)
			damage(copy, kept);
		if (index_map_check(&map, copy, kept) == 0) {
			accepted++;
			ask_all(&map);
		}
		free(copy);
	}
	free(whole);
	fclose(file);
	return accepted;
}

/* Mostly a tree: each row has a new key and a lower one as parent. */
static void add_random_rows(struct interpose_builder *builder, uint32_t *next)
{
	static const uint32_t types[] = {S_IFDIR, S_IFDIR, S_IFDIR,
					 S_IFREG, S_IFLNK, 0};
	struct interpose_row row[8];
	uint8_t bytes[8 * 64];
	size_t used = 0, count = 1 + pick(8);

	memset(row, 0, sizeof(row));
	for (size_t i = 0; i < count; i++) {
		uint32_t key = pick(200) ? (*next)++ : pick(*next + 1);

		row[i].path_1 = key;
		row[i].parent_1 = pick(100) ? pick(key / 4 + 1) : pick(*next + 1);
		row[i].mode = types[key < 3 ? 0 : pick(pick(200) ? 5 : 6)] | 0644;
		row[i].flags = pick(100) ? 0x40u * pick(2) : pick(1 << 17);
		row[i].hardlinks = (uint64_t)pick(3) << 32 | pick(3);
		row[i].name_len = pick(200) ? 2 + pick(6) : pick(80);
		row[i].target_len = pick(4) ? 0 : pick(20);
		row[i].digest_len = pick(2) ? 20 : 0;
		row[i].xattr_len = pick(4) ? 0 : pick(10);
		used += row[i].name_len + row[i].target_len + row[i].digest_len +
			row[i].xattr_len;
	}
	if (used > sizeof(bytes))
		used = sizeof(bytes);
	for (size_t i = 0; i < used; i++)
		bytes[i] = (uint8_t)('a' + pick(26));
	interpose_builder_add_rows(builder, row, count, bytes,
				   pick(32) ? used : used / 2);
}

static void add_random_extras(struct interpose_builder *builder, uint32_t keys)
{
	static const struct interpose_chunk chunks[3];
	uint8_t digest[20] = {1};

	if (pick(3) == 0)
		interpose_builder_add_chunks(builder, pick(keys), 0, digest, chunks,
					     pick(4));
	if (pick(3) == 0)
		interpose_builder_add_nested(builder, pick(keys), 0,
					     pick(2) ? digest : NULL, pick(4),
					     (int)pick(2));
}

static int build_rounds(int rounds)
{
	uint8_t digest[20] = {2};
	int accepted = 0;

	for (int i = 0; i < rounds; i++) {
		struct interpose_builder *builder = interpose_builder_create();
		uint32_t next = 0;
		int fd = memfd_create("index", MFD_CLOEXEC);
		struct index_map map;
		struct stat status;
		void *base;

		for (uint32_t k = pick(4); k > 0; k--)
			add_random_rows(builder, &next);
		add_random_extras(builder, next + 1);
		if (interpose_builder_finish(builder, fd, digest, 0, 0, 0) == 0) {
			accepted++;
			if (fstat(fd, &status) < 0)
				abort();
			base = aligned_alloc(4096, (size_t)status.st_size);
			if (pread(fd, base, (size_t)status.st_size, 0) !=
			    status.st_size)
				abort();
			/* What the builder wrote is sound in every entry. */
			if (index_map_check(&map, base, (size_t)status.st_size) < 0)
				abort();
			for (uint32_t n = 0; n < map.count; n++) {
				struct interpose_entry entry;

				if (index_entry(&map, n, &entry) < 0)
					abort();
			}
			ask_all(&map);
			free(base);
		}
		close(fd);
		interpose_builder_destroy(builder);
	}
	return accepted;
}

int main(int argc, char **argv)
{
	int accepted;

	if (argc != 5)
		return 2;
	state = strtoull(argv[3], NULL, 10);
	if (strcmp(argv[1], "damage") == 0)
		accepted = damage_rounds(argv[2], atoi(argv[4]));
	else
		accepted = build_rounds(atoi(argv[4]));
	printf("%d\n", accepted);
	return accepted < 0;
}
