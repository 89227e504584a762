/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a compiler calls of its own accord. These names stay in the stub's object file:
 * the program that it lies in has a C library. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An instruction that repeats takes longer to begin than this for a few words. */
enum { FEW = 64 };

typedef uint64_t word __attribute__((may_alias, aligned(1)));

void *memcpy(void *to, const void *from, size_t size)
{
	void *result = to;

	if (size < FEW) {
		char *at = to;
		const char *text = from;

		for (; size >= sizeof(word); size -= sizeof(word)) {
			*(word *)at = *(const word *)text;
			at += sizeof(word);
			text += sizeof(word);
		}
		while (size--)
			*at++ = *text++;
		return result;
	}
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
	return result;
}

void *memset(void *to, int byte, size_t size)
{
	void *result = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
	return result;
}

/* Names are short. */
int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *one = a, *two = b;

	for (; size >= sizeof(word) && *(const word *)one == *(const word *)two;
	     size -= sizeof(word)) {
		one += sizeof(word);
		two += sizeof(word);
	}
	for (size_t i = 0; i < size; i++)
		if (one[i] != two[i])
			return one[i] < two[i] ? -1 : 1;
	return 0;
}
