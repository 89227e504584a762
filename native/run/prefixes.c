/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "run/prefixes.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void free_text(const char *text)
{
	free((void *)(uintptr_t)text);
}

static void row_deinit(struct prefix *row)
{
	free_text(row->path);
	free_text(row->target);
	free_text(row->name);
	free_text(row->below);
	free_text(row->directory);
	free_text(row->host_path);
}

void prefixes_deinit(struct prefixes *prefixes)
{
	for (size_t i = 0; i < prefixes->count; i++)
		row_deinit(&prefixes->rows[i]);
	free(prefixes->rows);
	*prefixes = (struct prefixes){0};
}

int prefixes_modes(const char *letters)
{
	int modes = 0;

	for (; *letters; letters++) {
		switch (*letters | 0x20) {
		case 'r':
			modes |= PREFIX_READ;
			break;
		case 'w':
			modes |= PREFIX_WRITE;
			break;
		case 'x':
			modes |= PREFIX_EXECUTE;
			break;
		default:
			return -1;
		}
	}
	return modes;
}

/* Without needless slashes and dots; NULL and errno. */
static char *normalized(const char *path)
{
	char *text = malloc(strlen(path) + 2), *end = text;

	if (!text)
		return NULL;
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			free(text);
			errno = EINVAL;
			return NULL;
		}
		if (len && !(len == 1 && path[0] == '.')) {
			*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		path += len + (path[len] == '/');
	}
	if (end == text)
		*end++ = '/';
	*end = '\0';
	return text;
}

static char *absolute(const char *path)
{
	char *cwd, *text = NULL;

	if (path[0] == '/')
		return strdup(path);
	cwd = realpath(".", NULL);
	if (!cwd || asprintf(&text, "%s/%s", cwd, path) < 0)
		text = NULL;
	free(cwd);
	return text;
}

/* What exists of it without links; a last name that does not exist may be made. */
static char *canonical(const char *path)
{
	char *whole = realpath(path, NULL), *copy, *slash, *directory, *text = NULL;

	if (whole)
		return whole;
	copy = strdup(path);
	slash = copy ? strrchr(copy, '/') : NULL;
	if (!slash)
		return copy;
	*slash = '\0';
	directory = realpath(slash == copy ? "/" : copy, NULL);
	if (directory &&
	    asprintf(&text, "%s/%s", directory[1] ? directory : "", slash + 1) < 0)
		text = NULL;
	*slash = '/';
	free(directory);
	if (!text)
		return copy;
	free(copy);
	return text;
}

static int set_target(struct prefix *row, const char *target)
{
	bool is_path = false;
	char *text, *path;

	if (!target)
		row->kind = PREFIX_MODES;
	else if (strcmp(target, "DENY") == 0)
		row->kind = PREFIX_DENY;
	else if (strcmp(target, "ENOENT") == 0)
		row->kind = PREFIX_ENOENT;
	else if (strcmp(target, "LOCAL") == 0 ||
		 (row->path && strcmp(target, row->path) == 0))
		/* Below the repositories it is a name of the host: settle_local() */
		row->kind = PREFIX_HOST;
	else
		is_path = true;
	row->target = NULL;
	if (!is_path)
		return 0;
	row->kind = PREFIX_HOST;
	text = absolute(target);
	path = text ? text + strspn(text, "/") - 1 : NULL;
	if (path && prefix_rest(path, PREFIX_REPOSITORIES)) {
		row->kind = PREFIX_INSIDE;
		row->target = normalized(prefix_rest(path, PREFIX_REPOSITORIES));
	} else if (path) {
		row->target = canonical(path);
	}
	free(text);
	return row->target ? 0 : -errno;
}

static int append(struct prefixes *prefixes, const struct prefix *row)
{
	struct prefix *rows =
		realloc(prefixes->rows, (prefixes->count + 1) * sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	prefixes->rows = rows;
	rows[prefixes->count++] = *row;
	return 0;
}

int prefixes_add(struct prefixes *prefixes, const char *path, const char *target,
		 unsigned int modes)
{
	struct prefix row = {.modes = modes};
	int result = 0;

	if (path[0] != '/')
		return -EINVAL;
	row.path = normalized(path);
	if (!row.path)
		return -errno;
	result = set_target(&row, target);
	if (result == 0 && !row.path[1] &&
	    (row.kind == PREFIX_INSIDE || (row.kind == PREFIX_HOST && row.target)))
		result = -EOPNOTSUPP;
	if (result == 0)
		result = append(prefixes, &row);
	if (result < 0)
		row_deinit(&row);
	return result;
}

int prefixes_init(struct prefixes *prefixes)
{
	struct prefix top = {.kind = PREFIX_TOP, .modes = PREFIX_ALL};
	int result;

	*prefixes = (struct prefixes){.root_modes = PREFIX_ALL};
	top.path = strdup(PREFIX_REPOSITORIES);
	result = top.path ? append(prefixes, &top) : -ENOMEM;
	if (result < 0)
		free_text(top.path);
	return result;
}

void prefixes_drop(struct prefixes *prefixes, size_t at)
{
	row_deinit(&prefixes->rows[at]);
	prefixes->count--;
	memmove(prefixes->rows + at, prefixes->rows + at + 1,
		(prefixes->count - at) * sizeof(*prefixes->rows));
}
