/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stub/hostpath.h"

#include <stdint.h>

#include "path/prefix.h"

enum { PATH_SIZE = 4096, HASH_DIGITS = 32 };

bool hostpath_begins(const char *text, const char *with)
{
	while (*with && *text == *with) {
		text++;
		with++;
	}
	return !*with;
}

/* Has it this byte in it, or a NUL? */
static bool has(uint64_t word, uint8_t byte)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	const uint64_t other = word ^ ones * byte;

	return (((word - ones) & ~word) | ((other - ones) & ~other)) & tops;
}

static bool is_dots(const char *path, const char *at)
{
	return *at == '.' && (at == path || at[-1] == '/') &&
	       (at[1] == '.' || at[1] == '/' || !at[1]);
}

/* Eight bytes at once where they lie together: they are of one page. */
bool hostpath_scan(const char *path, struct hostpath *ret_text)
{
	const char *at = path;

	*ret_text = (struct hostpath){.dots = false,
				      .proc = hostpath_begins(path, "proc"),
				      .cvmfs = hostpath_begins(path, "cvmfs")};
	while (*at) {
		if (at - path > PATH_SIZE)
			return false;
		if ((uintptr_t)at % 8 == 0 && !has(*(const uint64_t *)at, '.')) {
			at += 8;
			continue;
		}
		ret_text->dots |= is_dots(path, at);
		at++;
	}
	return true;
}

bool hostpath_is_plain(const char *path)
{
	switch (path[1]) {
	case '\0': /* the root has one name more than the host gives it */
	case '/':
	case '.':
		return false;
	case 'c':
		return !hostpath_begins(path, PREFIX_REPOSITORIES);
	case 'p':
		return !hostpath_begins(path, "/proc");
	case 'd': /* /dev/fd, /dev/stdin and the like are links into /proc */
		return !hostpath_begins(path, "/dev/fd") &&
		       !hostpath_begins(path, "/dev/std");
	default:
		return true;
	}
}

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Bytes are compared where they are: what is shorter ends earlier. */
static bool begins_within(const char *text, const char *end, const char *with)
{
	for (; *with; text++, with++)
		if (text == end || *text != *with)
			return false;
	return true;
}

bool hostpath_names_ours(const char *text, size_t size)
{
	const char *end = text + size;
	size_t digits = 0;

	if (!size || *text != '/')
		return false;
	if (begins_within(text, end, "/memfd:") ||
	    begins_within(text, end, PREFIX_REPOSITORIES))
		return true;
	for (; text < end; text++) {
		digits = is_digit(*text) ? digits + 1 : 0;
		if (digits == HASH_DIGITS)
			return true;
		if (*text == '/' && begins_within(text, end, "/.interpose-"))
			return true;
	}
	return false;
}
