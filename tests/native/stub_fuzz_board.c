/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stub's memory as the tracer fills it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stub_fuzz.h"

enum { NESTED = 2, RUN = 7 };

/* Code, of which there is none here, state and board. */
__asm__(".pushsection .bss\n.balign 4096\n.globl stub_start\n.hidden stub_start\n"
	"stub_start: .zero 901120\n.popsection");
extern const char stub_start[] __attribute__((visibility("hidden")));
_Static_assert(STUB_SIZE <= 901120, "stub_start has room for all of it");

struct known known[MOST_NAMES];
size_t known_count;
static struct index_map maps[1 + NESTED];

static void *at(size_t where)
{
	return (void *)((uintptr_t)stub_start + where);
}

struct stub_state *board_state(void)
{
	return at(STUB_STATE_AT);
}

static struct board *board(void)
{
	return at(STUB_BOARD_AT);
}

static struct stat must_stat(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		perror(path);
		exit(2);
	}
	return st;
}

static void add_catalog(uint32_t number, const char *path)
{
	struct board_catalog *catalog = &board()->catalogs[number];
	const struct stat st = must_stat(path);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const void *base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);

	if (index_map_check(&maps[number], base, (size_t)st.st_size) < 0)
		exit(2);
	close(fd);
	catalog->inode_base = number * 100000;
	catalog->dev = st.st_dev;
	catalog->ino = st.st_ino;
	catalog->size = (uint64_t)st.st_size;
	strcpy(catalog->name, strrchr(path, '/') + 1);
}

bool board_place(const char *path, struct place *ret_place)
{
	struct place place = {.kind = PLACE_ENTRY};
	uint32_t entry = 0, catalog = 1;

	while (*path) {
		const size_t len = strcspn(path, "/");
		const uint64_t hash = index_name_hash(path, len);

		/* A mountpoint is called by its row in the catalog above. */
		if (place.catalog == 0 && place.entry &&
		    place.entry == board()->catalogs[NESTED].entry) {
			catalog = NESTED;
			entry = 0;
		}
		if (index_child(&maps[catalog], entry, path, len, hash, &entry) !=
		    LOOKUP_FOUND)
			return false;
		place.catalog = catalog == 1 ? 0 : catalog;
		place.entry = entry;
		path += len + (path[len] == '/');
	}
	*ret_place = place;
	return true;
}

/* Where nested catalogs hang, and their slot. */
static void hang_nested(const char *path)
{
	struct board_catalog *nested = &board()->catalogs[NESTED];
	struct place place;

	if (!board_place(path, &place))
		exit(2);
	nested->entry = place.entry;
	board()->nested[board_slot(0, 0, place.entry, BOARD_SLOTS)] = NESTED;
}

/* The object of a file: its bytes as they are on the mount. */
static void add_object(const struct known *one)
{
	char from[4500], path[4500], bytes[8192];
	const uint32_t number = board()->object_count;
	struct board_object *object = &board()->objects[number];
	const struct place *place = &one->place;
	struct stat st;
	ssize_t size;
	int in, out;

	snprintf(from, sizeof(from), TREE "/%s", one->path);
	snprintf(object->name, sizeof(object->name), "o%u", number);
	snprintf(path, sizeof(path), "%s/%s", work, object->name);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size = read(in, bytes, sizeof(bytes));
	if (in < 0 || out < 0 || size < 0 || write(out, bytes, (size_t)size) != size ||
	    fchmod(out, 0444) < 0 || fstat(out, &st) < 0)
		exit(2);
	close(in);
	close(out);
	object->mount = place->mount;
	object->catalog = place->catalog;
	object->entry = place->entry;
	object->mode = (uint16_t)st.st_mode;
	object->dev = st.st_dev;
	object->ino = st.st_ino;
	object->size = (uint64_t)st.st_size;
	object->written = st.st_mtim.tv_sec;
	object->written_ns = (uint32_t)st.st_mtim.tv_nsec;
	board()->object_count = number + 1;
}

/* Into the first free one of the slots where it is looked for. */
static void put(uint16_t *slots, uint32_t at_first, uint16_t number)
{
	for (uint32_t probe = 0; probe < BOARD_PROBES; probe++) {
		uint16_t *slot = &slots[(at_first + probe) % BOARD_OBJECT_SLOTS];

		if (!*slot) {
			*slot = number;
			return;
		}
	}
}

static void add_names(const char *names)
{
	FILE *file = fopen(names, "r");
	char line[4400], path[4500];
	struct stat st;

	while (file && known_count < MOST_NAMES && fgets(line, sizeof(line), file)) {
		struct known *one = &known[known_count];
		uint16_t number;

		line[strcspn(line, "\n")] = '\0';
		if (!board_place(line, &one->place)) {
			fprintf(stderr, "not in the index: %s\n", line);
			exit(2);
		}
		one->path = strdup(line);
		known_count++;
		snprintf(path, sizeof(path), TREE "/%s", line);
		if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || known_count % 2)
			continue;
		add_object(one);
		number = (uint16_t)board()->object_count;
		put(board()->by_place,
		    board_slot(0, one->place.catalog, one->place.entry,
			       BOARD_OBJECT_SLOTS),
		    number);
		put(board()->by_inode,
		    board_inode_slot(board()->objects[number - 1].ino), number);
	}
	if (file)
		fclose(file);
}

static void fill_state(void)
{
	struct stub_state *state = board_state();
	const struct stat root = must_stat("/");

	state->secret = 1ull << 63;
	state->proc_dev = must_stat("/proc").st_dev;
	state->root_dev = root.st_dev;
	state->root_ino = root.st_ino;
	state->scratch_dev[0] = must_stat(work).st_dev;
	state->devices[0].number = state->scratch_dev[0];
	state->run = RUN;
	snprintf(state->skeletons, sizeof(state->skeletons), "%s/k", work);
	state->cwd.is_unknown = 1;
}

void board_begin(const char *root, const char *nested, const char *names)
{
	struct board_mount *mount = &board()->mounts[0];

	strcpy(mount->fqrn, strrchr(TREE, '/') + 1);
	strcpy(mount->index_dir, root);
	*strrchr(mount->index_dir, '/') = '\0';
	mount->record.view = INTERPOSE_VIEW_CHECK_PERMISSIONS;
	mount->catalog = 1;
	strcpy(board()->bases[0], work);
	board()->catalog_count = 1 + NESTED;
	add_catalog(1, root);
	add_catalog(NESTED, nested);
	hang_nested("nested");
	mount->is_open = 1;
	fill_state();
	add_names(names);
}
