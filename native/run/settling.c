/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of the table of prefixes, once all are known: which of them hold, and where
 * their names are. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run/prefixes.h"

/* Modes alone do not take the repositories away: they become theirs. */
static bool keeps_top(struct prefix *top, const struct prefix *over)
{
	bool modes_alone = over->kind == PREFIX_MODES ||
			   (over->kind == PREFIX_HOST && !over->path[1]);

	if (top->kind != PREFIX_TOP || !modes_alone)
		return false;
	top->modes = over->modes;
	return true;
}

static void drop_hidden(struct prefixes *prefixes)
{
	for (size_t later = 1; later < prefixes->count; later++) {
		const struct prefix *over = &prefixes->rows[later];
		size_t hidden = later;

		for (size_t i = 0; i < later && hidden == later; i++) {
			struct prefix *row = &prefixes->rows[i];

			if (!prefix_rest(row->path, over->path))
				continue;
			if (!keeps_top(row, over))
				hidden = i;
			else if (strcmp(row->path, over->path) == 0)
				break;
			else
				continue;
		}
		if (hidden < later || (over->kind == PREFIX_MODES &&
				       prefixes->rows[0].kind == PREFIX_TOP &&
				       strcmp(over->path, prefixes->rows[0].path) == 0))
			prefixes_drop(prefixes, hidden);
		else
			continue;
		later -= later > 0;
	}
}

static int by_length(const void *one, const void *other)
{
	const struct prefix *a = one, *b = other;
	size_t first = strlen(a->path), second = strlen(b->path);

	return first < second ? -1 : first > second;
}

/* The row that `path` lies in, itself aside; NULL: none. */
static const struct prefix *around(const struct prefixes *prefixes, const char *path,
				   const struct prefix *self)
{
	const struct prefix *found = NULL;

	for (size_t i = 0; i < prefixes->count; i++) {
		const struct prefix *row = &prefixes->rows[i];

		if (row != self && row->kind != PREFIX_MODES &&
		    prefix_rest(path, row->path))
			found = row; /* they are sorted */
	}
	return found;
}

/* Finds the directory of the host that has the first of the names. */
static int anchor(struct prefix *row, const char *path)
{
	char *directory = strdup(path), *real = NULL, *text = NULL;
	const char *names;
	struct stat st;

	while (directory && directory[0]) {
		*strrchr(directory, '/') = '\0';
		real = realpath(directory[0] ? directory : "/", NULL);
		if (real)
			break;
	}
	if (!directory || !real || stat(real, &st) < 0) {
		free(directory);
		free(real);
		return -ENOMEM;
	}
	names = path + strlen(directory) + 1;
	row->name_len = strcspn(names, "/");
	row->name = strndup(names, row->name_len);
	row->below = strdup(names + row->name_len + (names[row->name_len] == '/'));
	row->dev = st.st_dev;
	row->ino = st.st_ino;
	if (asprintf(&text, "%s/%s", real[1] ? real : "", names) < 0)
		text = NULL;
	row->host_path = text;
	free(directory);
	free(real);
	if (!row->name || !row->below || !text)
		return -ENOMEM;
	text[strlen(text) - strlen(row->below)] = '\0';
	row->on_host = lstat(text, &st) == 0;
	if (row->below[0])
		text[strlen(text)] = names[row->name_len];
	return 0;
}

static int settle_below(struct prefix *row, const char *path)
{
	const char *slash = strrchr(path, '/');

	row->directory = strndup(path, (size_t)(slash - path));
	row->name = strdup(slash + 1);
	row->below = strdup("");
	row->host_path = strdup("");
	if (!row->directory || !row->name || !row->below || !row->host_path)
		return -ENOMEM;
	row->name_len = strlen(row->name);
	return 0;
}

/* LOCAL: of a name of the host it changes nothing but modes. */
static int settle_local(struct prefix *row, bool below_repositories)
{
	if (row->kind != PREFIX_HOST || row->target)
		return 0;
	if (!below_repositories) {
		row->kind = PREFIX_MODES;
		return 0;
	}
	row->target = strdup(row->path);
	return row->target ? 0 : -ENOMEM;
}

static int settle_row(struct prefixes *prefixes, struct prefix *row)
{
	const struct prefix *outer = around(prefixes, row->path, row);
	const char *rest = outer ? prefix_rest(row->path, outer->path) : row->path;
	const char *base = outer && outer->target ? outer->target : "";
	bool below =
		outer && (outer->kind == PREFIX_TOP || outer->kind == PREFIX_INSIDE);
	char *path = NULL;
	int result;

	if (outer && outer->kind != PREFIX_TOP && !outer->target)
		rest = row->path;
	result = settle_local(row, below);
	if (result < 0 ||
	    asprintf(&path, "%s%s", base[0] && base[1] ? base : "", rest) < 0)
		return -ENOMEM;
	if (below) {
		result = settle_below(row, path);
	} else if (!row->path[1]) {
		row->name = strdup("");
		row->below = strdup("");
		row->host_path = strdup("/");
		prefixes->root_modes = row->modes;
	} else {
		result = anchor(row, path);
	}
	free(path);
	return result;
}

static void summarize(struct prefixes *prefixes)
{
	for (size_t i = 0; i < prefixes->count; i++) {
		struct prefix *row = &prefixes->rows[i];
		bool shown = row->kind == PREFIX_TOP || row->kind == PREFIX_HOST ||
			     row->kind == PREFIX_INSIDE;

		if (row->kind == PREFIX_TOP)
			prefixes->top = row;
		else if (!row->directory)
			prefixes->others = true;
		prefixes->below_repositories += row->directory != NULL;
		prefixes->leaves |= row->directory && row->kind == PREFIX_HOST;
		if (!row->directory && row->name_len && !row->below[0] &&
		    !row->on_host && shown)
			prefixes->unseen++;
		else
			row->on_host = true;
		prefixes->rules |= row->modes != PREFIX_ALL ||
				   row->kind == PREFIX_DENY ||
				   row->kind == PREFIX_ENOENT;
	}
}

int prefixes_settle(struct prefixes *prefixes)
{
	int result = 0;

	drop_hidden(prefixes);
	qsort(prefixes->rows, prefixes->count, sizeof(*prefixes->rows), by_length);
	for (size_t i = 0; i < prefixes->count && result == 0; i++)
		result = settle_row(prefixes, &prefixes->rows[i]);
	if (result == 0)
		summarize(prefixes);
	return result;
}
