/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/objectname.h"

#include <string.h>

enum {
	HEX = 2 * INTERPOSE_DIGEST_SIZE,
	PREFIX_HEX = 2,
	/* RFC 1950, 2.2 */
	ZLIB_METHODS = 15,
	ZLIB_DEFLATE = 8,
	ZLIB_CHECK = 31
};

static char *put(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	*at = '\0';
	return at;
}

enum objectname_kind objectname_kind(const struct interpose_entry *entry)
{
	const bool raw = entry->flags & INTERPOSE_ENTRY_UNCOMPRESSED;

	if (entry->flags & INTERPOSE_ENTRY_CHUNKED)
		return raw ? OBJECTNAME_ASSEMBLED_RAW : OBJECTNAME_ASSEMBLED;
	return raw ? OBJECTNAME_RAW : OBJECTNAME_PACKED;
}

const char *objectname_place(enum objectname_kind kind)
{
	switch (kind) {
	case OBJECTNAME_RAW:
		return "interpose/raw/";
	case OBJECTNAME_ASSEMBLED:
		return "interpose/assembled/";
	case OBJECTNAME_ASSEMBLED_RAW:
		return "interpose/assembled-raw/";
	default:
		return "";
	}
}

static char digit(unsigned int value)
{
	return (char)(value < 10 ? '0' + value : 'a' + value - 10);
}

size_t objectname_write(const struct interpose_entry *entry,
			char ret_name[OBJECTNAME_SIZE])
{
	char *at = put(ret_name, objectname_place(objectname_kind(entry)));

	for (int i = 0; i < INTERPOSE_DIGEST_SIZE; i++) {
		*at++ = digit(entry->digest[i] >> 4);
		*at++ = digit(entry->digest[i] & 15);
		if (i == 0)
			*at++ = '/';
	}
	*at = '\0';
	if (entry->algorithm == INTERPOSE_RIPEMD160)
		at = put(at, "-rmd160");
	if (entry->algorithm == INTERPOSE_SHAKE128)
		at = put(at, "-shake128");
	return (size_t)(at - ret_name);
}

/* Raw ones are marked by a bit that means nothing to the kernel, as far as the file
 * system can keep it. */
bool objectname_has_mode(const struct interpose_entry *entry, uint32_t mode)
{
	mode &= 07777;
	return mode == 0555 ||
	       (mode == 01555 && objectname_kind(entry) == OBJECTNAME_RAW);
}

bool objectname_ends(const struct interpose_entry *entry, const char *path, size_t len)
{
	char name[OBJECTNAME_SIZE];
	const size_t size = objectname_write(entry, name);

	return len > size && path[len - size - 1] == '/' &&
	       memcmp(path + len - size, name, size) == 0;
}

static int value_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool objectname_digest(const char *path, size_t len,
		       uint8_t ret_digest[INTERPOSE_DIGEST_SIZE])
{
	const char *name = path + len;
	int digits = 0;

	while (name > path && name[-1] != '/')
		name--;
	if (name - path < PREFIX_HEX + 1 ||
	    (size_t)(path + len - name) < HEX - PREFIX_HEX)
		return false;
	memset(ret_digest, 0, INTERPOSE_DIGEST_SIZE);
	for (const char *at = name - PREFIX_HEX - 1; digits < HEX; at++) {
		const int value = value_of(*at);

		if (at == name - 1)
			continue;
		if (value < 0)
			return false;
		ret_digest[digits / 2] |= (uint8_t)(digits % 2 ? value : value << 4);
		digits++;
	}
	return true;
}

int interpose_may_be_stream(const uint8_t *head, size_t size)
{
	return size >= OBJECTNAME_HEAD && (head[0] & ZLIB_METHODS) == ZLIB_DEFLATE &&
	       (head[0] << 8 | head[1]) % ZLIB_CHECK == 0;
}
