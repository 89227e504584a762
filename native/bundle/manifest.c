/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_inside(const char *name)
{
	return *name && *name != '/' && !strstr(name, "..");
}

int manifest_next(char **text, struct manifest_entry *ret_entry)
{
	char *line = *text;
	char *end = strchr(line, '\n');
	char *name;

	if (!end)
		return -EBADMSG;
	*end = '\0';
	*text = end + 1;
	if (strcmp(line, "end") == 0)
		return **text ? -EBADMSG : 0;
	if ((line[0] != 'x' && line[0] != 'r') || line[1] != ' ')
		return -EBADMSG;
	ret_entry->is_program = line[0] == 'x';
	ret_entry->size = strtoull(line + 2, &name, 10);
	if (*name != ' ' || !is_inside(name + 1))
		return -EBADMSG;
	ret_entry->name = name + 1;
	return 1;
}
