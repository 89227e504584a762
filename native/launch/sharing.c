/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/sharing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_SIZE = 64 * 1024, FILES_MAX = 1024 };

/* CVMFS_ALIEN_CACHE, CVMFS_CACHE_<instance>_ALIEN, PARROT_CVMFS_ALIEN_CACHE, ...; what
 * a configuration repository says is not known yet (and is about servers). */
static const char sign[] = "ALIEN";

static bool file_has_sign(int dir, const char *name)
{
	static char text[TEXT_SIZE + 1];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t len = fd < 0 ? 0 : read(fd, text, TEXT_SIZE);

	if (fd >= 0)
		close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return strstr(text, sign) != NULL;
}

/* A file, or all files of a directory. */
static bool place_has_sign(const char *path)
{
	int left = FILES_MAX;
	struct dirent *entry;
	bool found = false;
	struct stat st;
	DIR *dir;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		return file_has_sign(AT_FDCWD, path);
	dir = opendir(path);
	while (dir && !found && left-- > 0 && (entry = readdir(dir)))
		found = entry->d_type != DT_DIR &&
			file_has_sign(dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

static bool tree_has_sign(const char *top)
{
	static const char *const parts[] = {"", "/default.d", "/domain.d", "/config.d"};
	char path[4096];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s%s", top, parts[i]) <
			    sizeof(path) &&
		    place_has_sign(path))
			return true;
	}
	return false;
}

bool sharing_is_possible(const struct options *options)
{
	if (options->alien_cache || tree_has_sign("/etc/cvmfs"))
		return true;
	for (char **variable = environ; *variable; variable++) {
		const char *end = strchr(*variable, '=');
		const char *found = strstr(*variable, sign);

		if (end && found && found < end)
			return true;
	}
	for (size_t i = 0; i < options->settings.count; i++) {
		if (strstr(options->settings.items[i], sign))
			return true;
	}
	for (size_t i = 0; i < options->configs.count; i++) {
		if (tree_has_sign(options->configs.items[i]))
			return true;
	}
	return false;
}
