/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins of the tree, and whether a descriptor of one is it. */
#ifndef TWINS_H
#define TWINS_H

#include "probe.h"

/* In groups of equal content. */
static const char *const groups[][3] = {
	{"twin_a", "twin_b", "copies/small"},
	{"copies/large_a", "copies/large_b", "copies/large_c"},
	{"copies/chunks_a", "copies/chunks_b", "copies/chunks_c"},
	{"bin/show", "bin/no_x", "bin/x_only"},
	{"size_0", "bin/empty", "big/entry_0001"},
	{"nested/twin_a", "nested/second/twin_b", "twin_a"},
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]), MEMBERS = 3 };

/* What a descriptor says it is. */
static inline bool is(int fd, const char *name)
{
	char path[4096], link[64], text[4096];
	struct stat by_fd, by_path;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, text, sizeof(text) - 1);
	text[len < 0 ? 0 : len] = '\0';
	return fstat(fd, &by_fd) == 0 && stat(path, &by_path) == 0 &&
	       by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev &&
	       by_fd.st_mode == by_path.st_mode && by_fd.st_size == by_path.st_size &&
	       by_fd.st_mtime == by_path.st_mtime && strcmp(text, path) == 0;
}

static inline void tell(int fd, const char *name, const char *how)
{
	struct stat st;

	printf("%s %s: is itself %d\n", how, name, is(fd, name));
	say_stat(fstat(fd, &st), &st, "%s %s", how, name);
}

static inline int opened(const char *name)
{
	return must_open(at_root(name), O_RDONLY);
}

static inline void open_group(const char *const group[], int fds[], bool backwards)
{
	for (int i = 0; i < MEMBERS; i++) {
		int at = backwards ? MEMBERS - 1 - i : i;

		fds[at] = opened(group[at]);
	}
}

#endif
