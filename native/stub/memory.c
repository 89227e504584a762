/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a compiler calls of its own accord. These names stay in the stub's object file:
 * the program that it lies in has a C library. */
#include <stddef.h>
#include <string.h>

void *memcpy(void *to, const void *from, size_t size)
{
	void *result = to;

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

	for (size_t i = 0; i < size; i++)
		if (one[i] != two[i])
			return one[i] < two[i] ? -1 : 1;
	return 0;
}
