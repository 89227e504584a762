/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a script become arguments. Each lies at the end of its pages, before one
 * that is not mapped: a byte too many is EFAULT on one side only if that side reads it.
 */
#include "steps.h"

#include <linux/openat2.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

enum { FILLED = 0xa5, PAGE = 4096, LONG_WORD = 8192 };

static __thread char *rooms[ARGUMENTS];

void arguments_begin(void)
{
	for (int i = 0; i < ARGUMENTS; i++) {
		char *pages = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (pages == MAP_FAILED || mprotect(pages + ROOM, PAGE, PROT_NONE) < 0)
			_exit(2);
		rooms[i] = pages + ROOM;
	}
}

int slot_of(const char *word)
{
	int slot = atoi(word);

	return slot >= 0 && slot < SLOTS ? shared->slots[table][slot] : -1;
}

static int number_of(const char *word)
{
	unsigned int actor = (unsigned int)atoi(word + 1) % ACTORS;

	if (*word == 'p')
		return shared->pids[actor];
	return *word == 't' ? shared->tids[actor] : slot_of(word);
}

/* %XX is a byte, {K} the number in slot K, {pK} and {tK} actor K's process and thread,
 * <C*N> the text C, N times. */
static size_t decode_text(const char *word, char *text)
{
	size_t length = 0;

	while (*word && length < LONG_WORD - 32) {
		char *end;

		if (*word == '%') {
			char digits[3] = {word[1], word[2], '\0'};

			text[length++] = (char)strtol(digits, NULL, 16);
			word += 3;
		} else if (*word == '{') {
			length += (size_t)sprintf(text + length, "%d",
						  number_of(word + 1));
			word = strchr(word, '}') + 1;
		} else if (*word == '<') {
			const char *star = strchr(word, '*');
			size_t part = (size_t)(star - word - 1);
			long count = strtol(star + 1, &end, 10);

			for (; count > 0 && length + part < LONG_WORD; count--) {
				memcpy(text + length, word + 1, part);
				length += part;
			}
			word = end + 1;
		} else {
			text[length++] = *word++;
		}
	}
	text[length] = '\0';
	return length;
}

static long at_end(int which, const void *bytes, size_t size)
{
	return (long)memcpy(rooms[which] - size, bytes, size);
}

static long path_value(struct step *step, int which, bool ended)
{
	char text[LONG_WORD];
	size_t length = decode_text(step->words[which] + 2, text);

	(void)step;
	return at_end(which, text, length + ended);
}

/* FLAGS,MODE,RESOLVE,SIZE; what is beyond the known size is zeroes or, odd, ones. */
static long how_value(struct step *step, int which)
{
	char bytes[64];
	struct open_how how = {0};
	unsigned long long flags = 0, mode = 0, resolve = 0;
	unsigned int size = sizeof(how);

	sscanf(step->words[which] + 2, "%llu,%llu,%llu,%u", &flags, &mode, &resolve,
	       &size);
	how.flags = flags;
	how.mode = mode;
	how.resolve = resolve;
	memset(bytes, size % 2, sizeof(bytes));
	memcpy(bytes, &how, sizeof(how));
	return at_end(which, bytes, size <= sizeof(bytes) ? size : sizeof(bytes));
}

static long address_value(struct step *step, int which)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char text[LONG_WORD];
	size_t length = decode_text(step->words[which] + 2, text);

	if (length > sizeof(address.sun_path))
		length = sizeof(address.sun_path);
	memcpy(address.sun_path, text, length);
	length += offsetof(struct sockaddr_un, sun_path);
	step->sizes[which] = 0;
	step->values[which + 1] = (long)length;
	return at_end(which, &address, length);
}

static long times_value(const char *word, int which)
{
	struct timespec times[2] = {{1000000, 5}, {1000000, 5}};
	int kind = atoi(word);

	if (kind == 1)
		times[0].tv_nsec = times[1].tv_nsec = UTIME_OMIT;
	if (kind == 2)
		times[0].tv_nsec = 2000000000;
	return at_end(which, times, sizeof(times));
}

static long bad_pointer(int which, const char *word)
{
	switch (atoi(word)) {
	case 0:
		return (long)rooms[which]; /* not mapped */
	case 1:
		return 1;
	case 2:
		return -1;
	default:
		return (long)0xffff800000000000;
	}
}

static long value(struct step *step, int which)
{
	const char *word = step->words[which];

	switch (word[0]) {
	case 'd':
		return slot_of(word + 2);
	case 'p':
		return path_value(step, which, true);
	case 'u':
		return path_value(step, which, false);
	case 'x':
		return bad_pointer(which, word + 2);
	case 'o':
		step->sizes[which] = (size_t)atol(word + 2);
		memset(rooms[which] - step->sizes[which], FILLED, step->sizes[which]);
		return (long)(rooms[which] - step->sizes[which]);
	case 'h':
		return how_value(step, which);
	case 'a':
		return address_value(step, which);
	case 't':
		return times_value(word + 2, which);
	case 'l': /* the address before has set it */
		return step->values[which];
	case 'n':
		return 0;
	default:
		return (long)strtoll(word + 2, NULL, 0); /* of 32 bits: the low half */
	}
}

void arguments_decode(struct step *step)
{
	for (int i = 0; i < step->word_count; i++)
		step->values[i] = value(step, i);
}

/* Whether an output changed beyond its first `used` bytes. */
bool arguments_damaged(const struct step *step, size_t used)
{
	for (int i = 0; i < step->word_count; i++) {
		const unsigned char *at = (const unsigned char *)step->values[i];

		if (step->words[i][0] != 'o')
			continue;
		for (size_t k = used; k < step->sizes[i]; k++) {
			if (at[k] != FILLED)
				return true;
		}
	}
	return false;
}
