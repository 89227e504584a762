/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each text is read once in a run, as a whole: who has threads by the time it makes a
 * call for the first time is not patched any more. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fast/memo.h"
#include "fast/texts.h"
#include "find/errand.h"
#include "tracee/memory.h"

enum {
	MOST_RECIPES = 512,
	MOST_SITES = MEMO_SITES,
	MOST_TEXT = 4 << 20,
	PORTION = 64 << 10,
	HEAD_SIZE = 4096,
	NUMBER_EXECVE = 59,
	NUMBER_OPENAT = 257
};

struct recipes {
	struct call_numbers numbers;
	struct memo *memo; /* NULL: none */
	struct recipe list[MOST_RECIPES];
	size_t count, next; /* the oldest one makes room */
};

struct recipes *recipes_create(const struct call_numbers *numbers, const char *cache)
{
	struct recipes *recipes = calloc(1, sizeof(*recipes));

	if (!recipes)
		return NULL;
	recipes->numbers = *numbers;
	recipes->memo = memo_create(cache);
	return recipes;
}

void recipes_destroy(struct recipes *recipes)
{
	for (size_t i = 0; recipes && i < recipes->count; i++)
		free(recipes->list[i].sites);
	if (recipes)
		memo_destroy(recipes->memo);
	free(recipes);
}

static void recipes_add(struct recipes *recipes, const struct recipe *recipe)
{
	struct recipe *place = &recipes->list[recipes->next];

	if (recipes->count == MOST_RECIPES)
		free(place->sites);
	else
		recipes->count++;
	*place = *recipe;
	recipes->next = (recipes->next + 1) % MOST_RECIPES;
}

/* mov $NUMBER,%eax; syscall. Or, in open() of the C library that is no point of
 * cancellation: mov $257,%eax; mov %rdi,%rsi; mov $-100,%edi; syscall. A prefix before
 * the mov makes another register of it. Or, in the one function of glibc 2.41 for all
 * calls that are such a point: mov N(%rsp),%rax; syscall; the stub sees which it is. */
enum site_kind site_fits(const uint8_t bytes[SITE_BYTES],
			 const struct call_numbers *numbers)
{
	static const uint8_t no_cancel[13] = {0xb8, 0x01, 0x01, 0x00, 0x00, 0x48, 0x89,
					      0xfe, 0xbf, 0x9c, 0xff, 0xff, 0xff};
	static const uint8_t from_stack[4] = {0x48, 0x8b, 0x44, 0x24};
	uint32_t number;

	if (bytes[13] != 0x0f || bytes[14] != 0x05)
		return SITE_NONE;
	if (memcmp(bytes + 8, from_stack, sizeof(from_stack)) == 0)
		return SITE_STACK;
	if (memcmp(bytes, no_cancel, sizeof(no_cancel)) == 0)
		number = NUMBER_OPENAT;
	else if (bytes[8] != 0xb8 || (bytes[7] & 0xf0) == 0x40)
		return SITE_NONE;
	else
		memcpy(&number, bytes + 9, sizeof(number));
	return number < 64 * sizeof(numbers->bits) / sizeof(numbers->bits[0]) &&
			       numbers->bits[number / 64] >> number % 64 & 1
		       ? SITE_NUMBER
		       : SITE_NONE;
}

/* Others than the C library take any number from any stack: old Go does, on stacks of
 * 2 KiB behind whose end is somebody's memory. */
static bool is_wanted(enum site_kind kind, const struct text *text)
{
	return kind == SITE_NUMBER || (kind == SITE_STACK && text->is_c_library);
}

static struct recipe *find(struct recipes *recipes, const struct text *text)
{
	for (size_t i = 0; i < recipes->count; i++)
		if (recipes->list[i].ino == text->ino &&
		    recipes->list[i].dev == text->dev)
			return &recipes->list[i];
	return NULL;
}

void recipes_learn(struct recipes *recipes, const struct text *text, uint32_t site,
		   enum site_kind kind)
{
	struct recipe *recipe = find(recipes, text);
	uint32_t *grown;

	if (!recipe || recipe->is_go || !is_wanted(kind, text))
		return;
	for (size_t i = 0; i < recipe->count; i++)
		if (recipe->sites[i] == site)
			return;
	if (recipe->count == MOST_SITES)
		return;
	grown = realloc(recipe->sites, (recipe->count + 1) * sizeof(*grown));
	if (!grown)
		return;
	recipe->sites = grown;
	recipe->sites[recipe->count++] = site;
}

const struct recipe *recipes_find(struct recipes *recipes, const struct text *text)
{
	return find(recipes, text);
}

struct reading {
	struct call_numbers numbers;
	struct text text;
	pid_t tid;
	int fd; /* /proc/PID/mem */
	struct memo_sites found;
	bool is_go, is_whole;
};

typedef uint8_t block __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* Does a call's instruction begin in these 16 bytes? One more can be read. Most have
 * none, and to look at each byte of a library takes as long as a short program. */
static bool may_have_call(const uint8_t *bytes)
{
	block here, next;
	halves found;

	memcpy(&here, bytes, sizeof(here));
	memcpy(&next, bytes + 1, sizeof(next));
	found = (halves)((here == 0x0f) & (next == 0x05));
	return found[0] | found[1];
}

static bool calls_execve(const uint8_t bytes[SITE_BYTES])
{
	static const uint8_t mov[SITE_MOV] = {0xb8, NUMBER_EXECVE};

	return memcmp(bytes + SITE_BYTES - SITE_CALL - SITE_MOV, mov, sizeof(mov)) == 0;
}

/* Bytes that begin `from` behind the beginning of the text. */
static void scan(struct reading *reading, const uint8_t *bytes, size_t size,
		 uint64_t from)
{
	const size_t before = SITE_BYTES - SITE_CALL;

	struct memo_sites *found = &reading->found;
	uint32_t site;

	for (size_t at = before; at + SITE_CALL <= size; at++) {
		while (at + sizeof(block) < size && !may_have_call(bytes + at))
			at += sizeof(block);
		if (at + SITE_CALL > size ||
		    !is_wanted(site_fits(bytes + at - before, &reading->numbers),
			       &reading->text))
			continue;
		site = (uint32_t)(reading->text.offset + from + at - SITE_MOV);
		if (found->count < MEMO_SITES)
			found->sites[found->count++] = site;
		if (calls_execve(bytes + at - before))
			found->execves = site;
	}
}

/* Goroutines have little stack: none of a Go program's own text is patched. */
static bool has_note_of_go(const struct reading *reading)
{
	uint8_t head[HEAD_SIZE];
	ssize_t got = pread(reading->fd, head, sizeof(head),
			    (off_t)(reading->text.first - reading->text.offset));

	return got > 0 && memo_is_of_go(head, (size_t)got);
}

/* By the number of the process if that may be: pages are not copied twice then. Should
 * it be another process's by now, its bytes are no harm: they are compared again. */
static ssize_t fetch(const struct reading *reading, uint64_t address, uint8_t *bytes,
		     size_t size)
{
	const struct memory_part part = {reading->tid, address, bytes, size, false};
	ssize_t got = memory_move_directly(&part);

	return got > 0 ? got : pread(reading->fd, bytes, size, (off_t)address);
}

static void read_all(struct reading *reading, uint8_t *bytes, const atomic_bool *over)
{
	const struct text *text = &reading->text;
	uint64_t at = text->first;
	size_t have = 0;

	while (at < text->end && !atomic_load(over)) {
		size_t wanted = PORTION - have;
		ssize_t got;

		if (wanted > text->end - at)
			wanted = text->end - at;
		got = fetch(reading, at, bytes + have, wanted);
		if (got <= 0)
			return;
		have += (size_t)got;
		at += (uint64_t)got;
		scan(reading, bytes, have, at - have - text->first);
		if (have < SITE_BYTES)
			continue;
		/* One may begin in this portion and end in the next one. */
		memmove(bytes, bytes + have - (SITE_BYTES - 1), SITE_BYTES - 1);
		have = SITE_BYTES - 1;
	}
	reading->is_whole = at == text->end;
}

static int work(void *argument, const atomic_bool *over)
{
	struct reading *reading = argument;
	size_t size = reading->text.end - reading->text.first;
	uint8_t *bytes = malloc(PORTION);

	reading->is_go = has_note_of_go(reading);
	/* What is large has few calls of its own, which are learned one by one. */
	if (bytes && !reading->is_go && size <= MOST_TEXT)
		read_all(reading, bytes, over);
	free(bytes);
	close(reading->fd);
	reading->fd = -1;
	return bytes ? 0 : -ENOMEM;
}

static void drop(void *argument)
{
	struct reading *reading = argument;

	if (reading->fd >= 0)
		close(reading->fd);
	free(reading);
}

static int add(struct recipes *recipes, const struct text *text,
	       const struct memo_sites *found, bool is_go)
{
	const size_t size = found->count * sizeof(found->sites[0]);
	struct recipe recipe = {.dev = text->dev,
				.ino = text->ino,
				.count = found->count,
				.is_go = is_go,
				.execves = found->execves};

	if (size) {
		recipe.sites = malloc(size);
		if (!recipe.sites)
			return -ENOMEM;
		memcpy(recipe.sites, found->sites, size);
	}
	recipes_add(recipes, &recipe);
	return 0;
}

static int read_by_errand(struct recipes *recipes, struct call *call,
			  const struct text *text, struct reading **ret_reading)
{
	struct errand errand = {.key = text->first ^ text->ino << 20 ^ 0x7465787473,
				.work = work,
				.drop = drop};
	struct reading *reading = calloc(1, sizeof(*reading));
	void *result;
	int error;

	if (!reading)
		return -ENOMEM;
	reading->numbers = recipes->numbers;
	reading->text = *text;
	reading->tid = call->tracee->tid;
	reading->fd = memory_open(reading->tid);
	errand.argument = reading;
	error = errand_of_call(call, &errand, &result);
	*ret_reading = result;
	return error || result ? error : -ENOMEM;
}

int recipes_read(struct recipes *recipes, struct call *call, const struct text *text)
{
	struct memo_sites kept;
	struct reading *reading;
	struct memo_key key;
	bool is_known;
	int error;

	if (recipes_find(recipes, text))
		return 0;
	if (text->offset >> 31)
		return -E2BIG;
	is_known =
		recipes->memo && memo_key(call->tracee, text, &recipes->numbers, &key);
	if (is_known && memo_find(recipes->memo, call->run, &key, &kept))
		return add(recipes, text, &kept, false);
	error = read_by_errand(recipes, call, text, &reading);
	if (error == 0)
		error = add(recipes, text, &reading->found, reading->is_go);
	if (error == 0 && is_known && reading->is_whole)
		memo_keep(recipes->memo, call->run, &key, &reading->found);
	return error;
}
