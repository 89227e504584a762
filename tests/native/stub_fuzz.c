/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random calls to the stub's own code (stub/, path/, shown/, index/), compiled for this
 * process under the sanitizers, beside the same calls to a kernel that has the tree
 * mounted at TREE. What the stub answers has to be what the kernel says; what it leaves
 * to its stop has to be as it was: registers, and descriptors.
 *
 *     stub_fuzz ROOT.INDEX NESTED.INDEX NAMES WORK SEED ROUNDS
 *
 * or, with -DWITH_LIBFUZZER, the first four in INTERPOSE_FUZZ, by colons, and
 * libFuzzer's own arguments. WORK: an empty directory that may be written to. */
#include "stub_fuzz.h"

#include <asm/unistd.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_OPS = 24, LIST_BYTES = 32768 };

const char *work;
struct slot slots[SLOTS];

uint32_t take(struct input *input, uint32_t below)
{
	return input->at < input->end ? *input->at++ % below : 0;
}

uint32_t take_wide(struct input *input, uint32_t below)
{
	const uint32_t high = take(input, 256);

	return (high << 8 | take(input, 256)) % below;
}

/* ---- names ---- */

static size_t add_component(struct input *input, char *text)
{
	static const char *const others[] = {"..", ".",	    "",	    "none",
					     "..", "cvmfs", "repo", "etc"};
	const uint32_t kind = take(input, 16);
	const char *path = known[take_wide(input, (uint32_t)known_count)].path;
	const char *last = strrchr(path, '/');

	if (kind < 4)
		return (size_t)sprintf(text, "%s", path);
	if (kind < 8)
		return (size_t)sprintf(text, "%s", last ? last + 1 : path);
	if (kind == 8 || kind == 9) {
		const size_t len = 254 + take(input, 4);

		memset(text, 'n', len);
		text[len] = '\0';
		return len;
	}
	if (kind == 10) {
		const size_t len = take(input, 24);

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(1 + take(input, 255));
		text[len] = '\0';
		return len;
	}
	return (size_t)sprintf(text, "%s", others[take(input, 8)]);
}

void make_path(struct input *input, char *text)
{
	static const char *const starts[] = {TREE "/",	TREE "/",  TREE "/", "",
					     "",	"",	   "/",	     "/etc/",
					     "/usr/..", "//cvmfs/"};
	size_t len = (size_t)sprintf(text, "%s", starts[take(input, 10)]);

	for (uint32_t i = take(input, 6); i && len < PATH_ROOM - 5000; i--) {
		len += add_component(input, text + len);
		if (i > 1 || take(input, 3) == 0)
			text[len++] = '/';
		text[len] = '\0';
	}
	for (uint32_t i = take(input, 32) == 31 ? take_wide(input, 2100) : 0; i; i--) {
		memcpy(text + len, "./", 3);
		len += 2;
		if (len > 4200)
			break;
	}
}

static void call_fstat(const struct slot *slot)
{
	struct stat st, kernels;
	struct stub_frame frame = {.rax = __NR_fstat,
				   .rdi = (uint64_t)(int64_t)slot->ours,
				   .rsi = (uint64_t)&st};
	long result;

	if (!ask(&frame, "(fstat)"))
		return;
	result = fstat(slot->kernels, &kernels) < 0 ? -errno : 0;
	equal(&frame, "(fstat)", result);
	if (result == 0)
		equal_entry(&frame, "(fstat)", &st, &kernels);
}

/* ---- listings: names and kinds, whatever their order ---- */

struct listing {
	uint64_t sum, count;
};

static void add_entries(struct listing *listing, const char *bytes, long size)
{
	for (long at = 0; at < size;) {
		const struct dirent64 *entry = (const void *)(bytes + at);
		uint64_t sum = index_name_hash(entry->d_name, strlen(entry->d_name));

		listing->sum += (sum ^ entry->d_type) * (sum | 1);
		listing->count++;
		at += entry->d_reclen;
	}
}

static long list_kernels(int fd, struct listing *listing)
{
	static char bytes[LIST_BYTES] __attribute__((aligned(8)));
	long got;

	lseek(fd, 0, SEEK_SET);
	while ((got = syscall(SYS_getdents64, fd, bytes, sizeof(bytes))) > 0)
		add_entries(listing, bytes, got);
	return got < 0 ? -errno : 0;
}

static void call_list(struct input *input, const struct slot *slot)
{
	static char bytes[LIST_BYTES] __attribute__((aligned(8)));
	const uint64_t size = take(input, 3) ? LIST_BYTES : 280 + take(input, 256);
	struct listing ours = {0}, kernels = {0};
	struct stub_frame frame;
	long result;

	lseek(slot->ours, 0, SEEK_SET);
	do {
		frame = (struct stub_frame){.rax = __NR_getdents64,
					    .rdi = (uint64_t)(int64_t)slot->ours,
					    .rsi = (uint64_t)bytes,
					    .rdx = size};
		if (!ask(&frame, "(list)"))
			return;
		add_entries(&ours, bytes, (long)frame.rax);
	} while ((long)frame.rax > 0);
	result = list_kernels(slot->kernels, &kernels);
	equal(&frame, "(list)", result);
	if (ours.sum != kernels.sum || ours.count != kernels.count)
		wrong(&frame, "(list)", "other names");
}

/* ---- the working directory ---- */

/* As the tracer tells it after a chdir. */
static void tell_cwd(void)
{
	struct stub_state *state = board_state();
	char text[4096] = "";
	struct place place = {0};
	bool in_tree = getcwd(text, sizeof(text)) &&
		       strncmp(text, TREE, sizeof(TREE) - 1) == 0 &&
		       (!text[sizeof(TREE) - 1] || text[sizeof(TREE) - 1] == '/');

	memset(&state->cwd, 0, sizeof(state->cwd));
	if (in_tree)
		in_tree = board_place(text + sizeof(TREE) - 1 +
					      (text[sizeof(TREE) - 1] == '/'),
				      &place);
	state->cwd.is_ours = in_tree;
	state->cwd.is_unknown =
		!in_tree && (strncmp(text, "/cvmfs", 6) == 0 ||
			     strncmp(text, "/proc", 5) == 0 || !text[0]);
	state->cwd.catalog = place.catalog;
	state->cwd.entry = place.entry;
	state->cwd_text[0] = '\0';
	if (in_tree && strlen(text) < STUB_CWD)
		strcpy(state->cwd_text, text);
}

static void call_chdir(struct input *input)
{
	static char path[PATH_ROOM];
	const uint32_t which = take(input, 2 * SLOTS);

	make_path(input, path);
	if (which < SLOTS ? fchdir(slots[which].kernels) == 0 : chdir(path) == 0)
		tell_cwd();
}

static void call_getcwd(struct input *input)
{
	char ours[4096], kernels[4096];
	const uint64_t size = take(input, 2) ? sizeof(ours) : take(input, 40);
	struct stub_frame frame = {
		.rax = __NR_getcwd, .rdi = (uint64_t)ours, .rsi = size};
	long result;

	if (!ask(&frame, "(getcwd)"))
		return;
	result = syscall(SYS_getcwd, kernels, size);
	equal(&frame, "(getcwd)", result < 0 ? -errno : result);
	if (result > 0 && strcmp(ours, kernels) != 0)
		wrong(&frame, ours, kernels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, data + size};

	if (chdir("/") == 0)
		tell_cwd();
	for (int i = 0; i < MOST_OPS && input.at < input.end; i++) {
		const uint32_t kind = take(&input, 16);
		struct slot *slot = &slots[take(&input, SLOTS)];

		if (kind < 10)
			call_name(&input);
		else if (kind < 12)
			call_fstat(slot);
		else if (kind < 13)
			call_list(&input, slot);
		else if (kind < 14)
			call_getcwd(&input);
		else if (kind < 15)
			call_chdir(&input);
		else
			close_slot(slot);
	}
	for (int i = 0; i < SLOTS; i++)
		close_slot(&slots[i]);
	return 0;
}

#ifdef WITH_LIBFUZZER
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char *words = strdup(getenv("INTERPOSE_FUZZ")), *rest;
	const char *root = strtok_r(words, ":", &rest),
		   *nested = strtok_r(NULL, ":", &rest),
		   *names = strtok_r(NULL, ":", &rest);

	(void)argc;
	(void)argv;
	work = strtok_r(NULL, ":", &rest);
	board_begin(root, nested, names);
	memset(slots, 0xff, sizeof(slots));
	return 0;
}
#else
static uint64_t state;

static uint8_t random_byte(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint8_t)(state >> 56);
}

int main(int argc, char **argv)
{
	uint8_t data[512];

	if (argc != 7)
		return 2;
	work = argv[4];
	board_begin(argv[1], argv[2], argv[3]);
	memset(slots, 0xff, sizeof(slots));
	state = strtoull(argv[5], NULL, 10);
	for (uint64_t left = strtoull(argv[6], NULL, 10); left; left--) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = random_byte();
		LLVMFuzzerTestOneInput(data, sizeof(data));
	}
	printf("%llu %llu\n", (unsigned long long)calls_made,
	       (unsigned long long)calls_answered);
	return 0;
}
#endif
