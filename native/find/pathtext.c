/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/pathtext.h"

#include <string.h>

const char *pathtext_skip_here(const char *path)
{
	for (;;) {
		if (path[0] == '/')
			path++;
		else if (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
			path++;
		else
			return path;
	}
}

static bool first_is(const char *path, const char *name)
{
	size_t len = strlen(name);

	return strncmp(path, name, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool pathtext_has_dot_dot(const char *path)
{
	const char *at = path;

	while ((at = strstr(at, ".."))) {
		if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return true;
		at += 2;
	}
	return false;
}

bool pathtext_names_descriptors(const char *path)
{
	return first_is(path, "proc") || first_is(path, "dev/fd") ||
	       strncmp(path, "dev/std", 7) == 0;
}
