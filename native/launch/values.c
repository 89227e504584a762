/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "launch/options.h"

int values_add(struct text_list *list, const char *text)
{
	const char **items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	items[list->count++] = text;
	list->items = items;
	return 0;
}

int values_split(struct text_list *list, const char *value)
{
	char *copy = strdup(value); /* lives as long as the process */
	char *rest = NULL;
	int error = copy ? 0 : -ENOMEM;

	for (char *item = copy ? strtok_r(copy, ":", &rest) : NULL; item && !error;
	     item = strtok_r(NULL, ":", &rest))
		error = values_add(list, item);
	return error;
}

bool values_are_true(const char *value)
{
	static const char *const negative[] = {"", "0", "no", "off", "false"};

	for (size_t i = 0; i < sizeof(negative) / sizeof(negative[0]); i++)
		if (strcasecmp(value, negative[i]) == 0)
			return false;
	return true;
}

const char *values_absolute(const char *path)
{
	char *directory, *absolute = NULL;

	if (!path || path[0] == '/')
		return path;
	directory = getcwd(NULL, 0);
	/* It lives as long as the process. */
	if (!directory || asprintf(&absolute, "%s/%s", directory, path) < 0)
		absolute = NULL;
	free(directory);
	return absolute ? absolute : path;
}
