/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments that a tracer may stumble over. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

enum { PAGE = 4096, ARENA_PAGES = 48, SLOTS = 16, SLOT = 6144 };

static char *paths[PATHS];
static size_t path_count;
static char *arena; /* SLOTS of paths, free room, a page read-only, a page of nothing */

uint64_t chance_bits(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t chance_below(struct chance *chance, uint64_t bound)
{
	return chance_bits(chance) % bound;
}

bool chance_one_in(struct chance *chance, uint64_t bound)
{
	return chance_below(chance, bound) == 0;
}

static char *repeated(const char *part, size_t size)
{
	char *text = calloc(1, size + 1);

	for (size_t i = 0; i < size; i++)
		text[i] = part[i % strlen(part)];
	return text;
}

static void add(const char *path)
{
	if (path_count < PATHS)
		paths[path_count++] = strdup(path);
}

static const char *const paths_of_ours[] = {"/cvmfs",
					    "/cvmfs/",
					    "//cvmfs",
					    "/./cvmfs/.",
					    "/cvmfs/..",
					    "/cvmfs/none",
					    "/cvmfs/none.example.org/x",
					    "/",
					    ".",
					    "..",
					    "",
					    "a",
					    "b/c",
					    "./a",
					    "../../../../../../cvmfs",
					    "/tmp",
					    "/etc/passwd",
					    "/bin/true",
					    "/dev/null",
					    "/dev/fd/3",
					    "/proc",
					    "/proc/self",
					    "/proc/self/exe",
					    "/proc/self/cwd",
					    "/proc/self/root"
					    "/cvmfs",
					    "/proc/self/fd",
					    "/proc/self/fd/3",
					    "/proc/self/fd/7/..",
					    "/proc/self/maps",
					    "/proc/self/mounts",
					    "/proc/self/mountinfo",
					    "/proc/self/mem",
					    "/proc/self/task",
					    "/proc/thread-self/fd/5",
					    "/proc/self/environ",
					    "/proc/self/smaps",
					    "/proc/1/root",
					    "/proc/1/cwd",
					    "/proc/3/fd/4",
					    "/proc/3/exe",
					    "/proc/3/maps",
					    "/dev/shm",
					    "link",
					    "fifo",
					    "d",
					    "d/e",
					    "\xff\xfe",
					    "/cvmfs/\x01\n",
					    NULL};

void pools_load(const char *paths_file)
{
	char line[PATH_MAX];
	FILE *file = fopen(paths_file, "re");

	for (const char *const *each = paths_of_ours; *each; each++)
		add(*each);
	paths[path_count++] = repeated("/cvmfs/..", 4094);
	paths[path_count++] = repeated("./", 4095);
	paths[path_count++] = repeated("/", 5000);
	paths[path_count++] = repeated("x", 256);
	paths[path_count++] = repeated("/cvmfs/a", 4097);
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		add(line);
	}
	if (file)
		fclose(file);
}

bool pools_make_arena(void)
{
	void *made = mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (made == MAP_FAILED)
		return false;
	arena = made;
	for (int i = 0; i < SLOTS; i++)
		strcpy(arena + (size_t)i * SLOT, paths[(size_t)i % path_count]);
	mprotect(arena + (ARENA_PAGES - 2) * PAGE, PAGE, PROT_READ);
	mprotect(arena + (ARENA_PAGES - 1) * PAGE, PAGE, PROT_NONE);
	return true;
}

const char *pools_path(struct chance *chance)
{
	return paths[chance_below(chance, path_count)];
}

/* Where nothing but the kernel may look without a fault. */
static uint64_t bad_pointer(struct chance *chance)
{
	static const uint64_t bad[] = {0,
				       1,
				       8,
				       4095,
				       UINT64_MAX,
				       UINT64_MAX - 4095,
				       1ull << 63,
				       0x7ffffffff000,
				       0x7ffffffffff8,
				       0x800000000000,
				       0xffffffffff600000,
				       0xdeadbeef000};

	if (chance_one_in(chance, 3)) /* the last bytes before nothing */
		return (uint64_t)(arena + (ARENA_PAGES - 1) * PAGE) -
		       chance_below(chance, 16);
	return bad[chance_below(chance, sizeof(bad) / sizeof(bad[0]))];
}

void *pools_buffer(struct chance *chance)
{
	size_t first = SLOTS * SLOT;
	size_t room = (ARENA_PAGES - 2) * PAGE - first;

	return arena + first + chance_below(chance, room) / 8 * 8;
}

static uint64_t path_pointer(struct chance *chance)
{
	const char *path = pools_path(chance);
	size_t size = strlen(path) + 1;
	char *end = arena + (ARENA_PAGES - 2) * PAGE;

	switch (chance_below(chance, 8)) {
	case 0:
		return bad_pointer(chance);
	case 1: /* ends with the page, perhaps without its NUL */
		end -= size;
		memcpy(end, path, size);
		return (uint64_t)end;
	case 2:
	case 3: /* who knows what others make of it */
		return (uint64_t)(arena + chance_below(chance, SLOTS) * SLOT);
	default:
		return (uint64_t)path;
	}
}

void pools_race(struct chance *chance)
{
	const char *path = pools_path(chance);
	char *slot = arena + chance_below(chance, SLOTS) * SLOT;

	if (chance_one_in(chance, 16))
		memset(slot, 'y', SLOT); /* no end */
	else
		strcpy(slot, path);
}

static uint64_t integer(struct chance *chance)
{
	switch (chance_below(chance, 8)) {
	case 0:
		return 1ull << chance_below(chance, 64);
	case 1:
		return (1ull << chance_below(chance, 64)) - 1;
	case 2:
		return -chance_below(chance, 4096);
	case 3:
		return chance_bits(chance);
	case 4:
		return chance_bits(chance) & chance_bits(chance) & 0xffffffff;
	default:
		return chance_below(chance, 64);
	}
}

static uint64_t descriptor(struct chance *chance)
{
	switch (chance_below(chance, 12)) {
	case 0:
		return integer(chance);
	case 1:
	case 2:
	case 3:
		return (uint64_t)AT_FDCWD;
	case 4:
		return 0xdeadull << 32 | chance_below(chance, 32);
	default:
		return chance_below(chance, 40);
	}
}

int pools_signal(struct chance *chance)
{
	static const int frequent[] = {SIGSTOP, SIGCONT, SIGTSTP, SIGUSR1, SIGALRM,
				       SIGCHLD, SIGTRAP, SIGSEGV, SIGSYS};

	if (chance_one_in(chance, 40))
		return SIGKILL;
	if (chance_one_in(chance, 3))
		return (int)chance_below(chance, 66);
	return frequent[chance_below(chance, sizeof(frequent) / sizeof(frequent[0]))];
}

pid_t pools_pid(struct chance *chance)
{
	if (chance_one_in(chance, 3))
		return getpid();
	return roster->workers[chance_below(chance, WORKERS)];
}

uint64_t pools_argument(struct chance *chance, char kind)
{
	/* Now and then anything at all. */
	if (chance_one_in(chance, 24))
		kind = "pdbsigf"[chance_below(chance, 7)];
	switch (kind) {
	case 'p':
		return path_pointer(chance);
	case 'd':
	case 'f':
		return descriptor(chance);
	case 'b':
		return chance_one_in(chance, 4) ? bad_pointer(chance)
						: (uint64_t)pools_buffer(chance);
	case 's':
		return chance_one_in(chance, 3) ? integer(chance)
						: chance_below(chance, 5000);
	case 'g':
		return chance_one_in(chance, 2)
			       ? 0
			       : chance_bits(chance) & chance_bits(chance) &
					 chance_bits(chance) & 0xffffffff;
	case 'P':
		return (uint64_t)pools_pid(chance);
	case 'S':
		return (uint64_t)pools_signal(chance);
	case '0':
		return 0;
	default:
		return integer(chance);
	}
}
