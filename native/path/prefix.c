/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/prefix.h"

#include <string.h>

static size_t length_of(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

const struct prefix *prefix_named(const struct prefixes *prefixes,
				  const struct prefix *row, bool below_repositories,
				  const char *name, size_t name_len)
{
	const struct prefix *end = prefixes->rows + prefixes->count;

	for (row = row ? row + 1 : prefixes->rows; row < end; row++) {
		if (row->name_len == name_len && row->name_len &&
		    !row->directory != below_repositories &&
		    memcmp(row->name, name, name_len) == 0)
			return row;
	}
	return NULL;
}

/* Slashes, and "." between them. */
static size_t slashes(const char *text, size_t len)
{
	size_t count = 0;

	while (count < len &&
	       (text[count] == '/' ||
		(text[count] == '.' && (count + 1 == len || text[count + 1] == '/'))))
		count++;
	return count;
}

static size_t name_length(const char *text, size_t len)
{
	size_t count = 0;

	while (count < len && text[count] && text[count] != '/')
		count++;
	return count;
}

bool prefix_goes_on(const char **below, const char *name, size_t name_len)
{
	const char *at = *below;
	size_t len = name_length(at, length_of(at));

	if (len == 0 || len != name_len || memcmp(at, name, len) != 0)
		return false;
	*below = at + len + (at[len] == '/');
	return true;
}

bool prefix_may_be_met(const struct prefixes *prefixes, const char *path)
{
	if (!prefixes->others)
		return false;
	while (*path) {
		const struct prefix *row = NULL;
		size_t len;

		path += slashes(path, length_of(path));
		len = name_length(path, length_of(path));
		while ((row = prefix_named(prefixes, row, false, path, len)))
			if (row != prefixes->top)
				return true;
		path += len;
	}
	return false;
}

const char *prefix_rest(const char *path, const char *prefix)
{
	size_t len = 0;

	while (prefix[len] && prefix[len] == path[len])
		len++;
	if (len == 0 || prefix[len])
		return NULL;
	if (prefix[len - 1] == '/')
		len--;
	return path[len] == '\0' || path[len] == '/' ? path + len : NULL;
}

const struct prefix *prefix_around(const struct prefixes *prefixes, const char *path)
{
	const struct prefix *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < prefixes->count; i++) {
		const struct prefix *row = &prefixes->rows[i];
		const char *at[3] = {row->host_path, "", ""};

		if (row->kind == PREFIX_HOST)
			at[1] = row->target;
		if (row->directory)
			at[2] = row->path;
		for (int j = 0; j < 3; j++) {
			if (!prefix_rest(path, at[j]) || length_of(at[j]) < longest)
				continue;
			longest = length_of(at[j]);
			found = row;
		}
	}
	return found;
}
