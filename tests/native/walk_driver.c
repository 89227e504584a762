/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A world of one repository, /cvmfs/repo, and of a host that has links in its root:
 * says where walks end. Lines of words with tabs between them, on standard input:
 * "row KIND DIRECTORY NAME BELOW TARGET", "link NAME TARGET" of the host's root, and
 * "walk SEGMENTS TEXT-BYTES FLAGS PATH". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "path/variant.h"
#include "path/walk.h"

enum { MOST = 128, PATH_SIZE = 1 << 16 };

struct world {
	struct index_map maps[MOST];	/* the root catalog, and nested ones */
	struct place mountpoints[MOST]; /* where these hang */
	struct prefix rows[MOST];
	struct prefixes prefixes;
	const char *names[MOST], *targets[MOST]; /* links of the host */
	size_t links;
};

static enum walk_answer find_mount(void *context, const char *name, size_t len,
				   uint32_t *ret_mount)
{
	(void)context;
	*ret_mount = 0;
	if (len == 7 && memcmp(name, "unknown", 7) == 0)
		return WALK_UNKNOWN;
	if (len == 5 && memcmp(name, "hosts", 5) == 0)
		return WALK_HOSTS;
	return len == 4 && memcmp(name, "repo", 4) == 0 ? WALK_YES : WALK_NO;
}

static const struct index_map *catalog_of(void *context, uint32_t mount,
					  uint32_t catalog)
{
	struct world *world = context;

	return mount == 0 && catalog < MOST ? &world->maps[catalog] : NULL;
}

/* The first byte of its digest is its number. */
static enum walk_answer nested_at(void *context, const struct place *mountpoint,
				  uint32_t *ret_catalog)
{
	struct world *world = context;
	struct interpose_entry entry;

	if (index_entry(&world->maps[mountpoint->catalog], mountpoint->entry, &entry) <
		    0 ||
	    !entry.digest)
		return WALK_BROKEN;
	*ret_catalog = entry.digest[0];
	if (!world->maps[entry.digest[0]].base)
		return WALK_UNKNOWN;
	world->mountpoints[*ret_catalog] = *mountpoint;
	return WALK_YES;
}

static struct place mountpoint_of(void *context, uint32_t mount, uint32_t catalog)
{
	struct world *world = context;

	(void)mount;
	return world->mountpoints[catalog];
}

/* A right of everybody's is one; of a right of some nothing is known. */
static enum walk_answer may_search(void *context, const struct place *directory,
				   const struct interpose_entry *entry)
{
	(void)context;
	(void)directory;
	if ((entry->mode & 0111) == 0111)
		return WALK_YES;
	return entry->mode & 0111 ? WALK_UNKNOWN : WALK_NO;
}

static enum walk_answer may_follow(void *context, const struct place *directory,
				   const struct interpose_entry *directory_entry,
				   const struct place *link,
				   const struct interpose_entry *entry)
{
	(void)context;
	(void)directory;
	(void)link;
	(void)entry;
	return directory_entry->mode & S_ISVTX ? WALK_UNKNOWN : WALK_YES;
}

static const char *value_of(void *context, const char *name, size_t len,
			    size_t *ret_len)
{
	(void)context;
	*ret_len = 3;
	return len == 1 && name[0] == 'V' ? "dir" : NULL;
}

static enum walk_answer target_of(void *context, const struct place *link,
				  const struct interpose_entry *entry,
				  struct walk_text *text)
{
	int len;

	(void)link;
	text->bytes = entry->target;
	text->len = entry->target_len;
	if (!(entry->flags & INTERPOSE_ENTRY_VARIANT))
		return WALK_YES;
	if (!text->room)
		return WALK_UNKNOWN;
	len = variant_expand(entry->target, entry->target_len, value_of, context, NULL,
			     text->size);
	if (len < 0)
		return WALK_NO;
	text->len = (size_t)len;
	text->bytes = text->room + text->size - len;
	variant_expand(entry->target, entry->target_len, value_of, context,
		       text->room + text->size - len, text->len);
	return WALK_YES;
}

static bool is_called(void *context, const struct place *place, const char *path);

static struct walk_world world_of(struct world *world)
{
	return (struct walk_world){
		world,	   &world->prefixes, is_called,	 find_mount, catalog_of,
		nested_at, mountpoint_of,    may_search, may_follow, target_of};
}

/* Its path below /cvmfs. */
static void name_of(struct world *world, struct place place, char path[PATH_SIZE])
{
	struct walk_world asked = world_of(world);
	struct interpose_entry entry;
	struct place parent;
	size_t len;

	path[0] = '\0';
	if (place.kind != PLACE_ENTRY ||
	    place_parent(&asked, &place, &parent) != WALK_YES)
		return;
	name_of(world, parent, path);
	len = strlen(path);
	if (parent.kind == PLACE_TOP) {
		strcpy(path + len, "/repo");
		return;
	}
	index_entry(&world->maps[place.catalog], place.entry, &entry);
	sprintf(path + len, "/%.*s", (int)entry.name_len, entry.name);
}

static bool is_called(void *context, const struct place *place, const char *path)
{
	char name[PATH_SIZE];

	name_of(context, *place, name);
	return strcmp(name, path) == 0;
}

static void print_rest(struct walk *walk)
{
	const char *name;
	size_t len;
	bool last;

	while (walk_next(walk, &name, &len, &last))
		printf("/%.*s", (int)len, name);
	printf("%s\n", walk->trailing_slash ? "/" : "");
}

/* A name in the host's root. True: the walk goes on below /cvmfs. */
static bool step_on_host(struct world *world, struct walk *walk, int *result)
{
	const struct prefix *row;
	const char *name;
	size_t len;
	bool last;

	if (!walk_next(walk, &name, &len, &last)) {
		*result = 1;
		return false;
	}
	if (len == 1 && name[0] == '.')
		return false;
	row = walk_row(walk, NULL, false, name, len);
	if (row && row->kind == PREFIX_INSIDE) {
		*result = walk_replace(walk, row);
		return *result == 0;
	}
	if (row)
		return true; /* TOP */
	for (size_t i = 0; i < world->links; i++) {
		if (strlen(world->names[i]) != len ||
		    memcmp(world->names[i], name, len) != 0)
			continue;
		*result = walk_push_copy(walk, world->targets[i],
					 strlen(world->targets[i]));
		return false;
	}
	printf("host /%.*s", (int)len, name);
	print_rest(walk);
	*result = 2;
	return false;
}

static void end_walk(struct world *world, struct walk *walk, enum walk_end end)
{
	static const char *const names[] = {"found", "error", "question", "left",
					    "beyond"};
	char path[PATH_SIZE];

	if (end == WALK_FOUND) {
		name_of(world, walk->at, path);
		printf("found %s", path);
		if (walk->last)
			printf(" last %.*s", (int)walk->last_len, walk->last);
		printf("\n");
	} else if (end == WALK_ERRNO) {
		printf("error %d%s\n", walk->error, walk->missing_last ? " last" : "");
	} else {
		printf("%s\n", names[end]);
	}
}

static void go(struct world *world, struct walk *walk)
{
	bool ours = walk->at.kind != PLACE_HOST;
	int result = 0;

	for (;;) {
		enum walk_end end = WALK_LEFT;

		if (ours)
			end = walk_go(walk);
		if (end != WALK_LEFT) {
			end_walk(world, walk, end);
			return;
		}
		walk->at.kind = PLACE_HOST;
		ours = step_on_host(world, walk, &result);
		if (ours)
			walk->at = (struct place){.kind = PLACE_TOP};
		if (result < 0) {
			printf("error %d\n", -result);
			return;
		}
		if (result == 1)
			printf("host /\n");
		if (result > 0)
			return;
	}
}

static void start(struct world *world, char **words)
{
	struct walk_world asked = world_of(world);
	uint32_t count = (uint32_t)atoi(words[1]), size = (uint32_t)atoi(words[2]);
	size_t len = strlen(words[4]);
	struct place at = {words[4][0] == '/' ? PLACE_HOST : PLACE_ENTRY, 0, 0, 0};
	struct walk walk;
	/* Each is as large as it is said to be, and no byte more. */
	char *path = malloc(len), *text = size ? malloc(size) : NULL;
	struct walk_segment *segments = malloc(count * sizeof(*segments));

	memcpy(path, words[4], len);
	memset(&walk, 0x55, sizeof(walk));
	walk.room = (struct walk_room){segments, text, count, size};
	if (walk_start(&walk, &asked, at, path, len) < 0) {
		printf("too long\n");
	} else {
		walk.follow_last = strchr(words[3], 'f');
		walk.parent_only = strchr(words[3], 'p');
		if (strchr(words[3], 'i'))
			walk.slash = WALK_SLASH_IGNORED;
		go(world, &walk);
	}
	free(segments);
	free(text);
	free(path);
}

static void add_row(struct world *world, char **words)
{
	static const char kinds[] = "tihmde"; /* enum prefix_kind */
	struct prefixes *prefixes = &world->prefixes;
	struct prefix *row = &world->rows[prefixes->count++];

	row->kind = (enum prefix_kind)(strchr(kinds, words[1][0]) - kinds);
	row->directory = words[2][0] ? strdup(words[2]) : NULL;
	row->name = strdup(words[3]);
	row->name_len = strlen(words[3]);
	row->below = strdup(words[4]);
	row->target = strdup(words[5]);
	prefixes->below_repositories += row->directory ? 1 : 0;
}

static void map_file(struct index_map *map, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    index_map_check(
		    map, mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0),
		    (size_t)st.st_size) < 0)
		exit(2);
}

int main(int argc, char **argv)
{
	static struct world world;
	static char line[PATH_SIZE];

	world.prefixes.rows = world.rows;
	for (int i = 1; i < argc && i <= MOST; i++)
		if (argv[i][0])
			map_file(&world.maps[i - 1], argv[i]);
	while (fgets(line, sizeof(line), stdin)) {
		char *words[6] = {line, "", "", "", "", ""};

		line[strcspn(line, "\n")] = '\0';
		for (int i = 1; i < 6 && (words[i] = strchr(words[i - 1], '\t')); i++)
			*words[i]++ = '\0';
		if (strcmp(words[0], "row") == 0) {
			add_row(&world, words);
		} else if (strcmp(words[0], "link") == 0) {
			world.names[world.links] = strdup(words[1]);
			world.targets[world.links++] = strdup(words[2]);
		} else {
			start(&world, words);
			fflush(stdout);
		}
	}
	return 0;
}
