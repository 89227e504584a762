/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/believed.h"

#include <limits.h>
#include <string.h>

#include "owned/owned.h"

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return len > 0 && strncmp(path, directory, len) == 0 && path[len] == '/';
}

bool believed(const struct scratch *scratch, const char *path)
{
	char where[PATH_MAX];

	/* A descriptor of the resolver's has no directory. */
	return is_below(path, scratch->path) || is_below(path, "/proc") ||
	       owned_check(path, where, sizeof(where)) == INTERPOSE_OWNED;
}

bool believed_is_ours(const struct run *run, const struct stat *st)
{
	return st->st_uid == run->uid && !(st->st_mode & (S_IWGRP | S_IWOTH));
}
