/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/kerneltext.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "run/clock.h"

enum { READ_SIZE = 64 * 1024 };

static bool is_given_up(const struct kerneltext_bounds *bounds, size_t len)
{
	return len > bounds->len || (bounds->over && atomic_load(bounds->over)) ||
	       (bounds->until_ns && clock_now_ns() > bounds->until_ns);
}

bool kerneltext_read(int pid, const char *name, const struct kerneltext_bounds *bounds,
		     struct proctext *text)
{
	_cleanup_free_ char *buffer = malloc(READ_SIZE);
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !buffer)
		return false;
	while ((got = read(fd, buffer, READ_SIZE)) > 0) {
		if (is_given_up(bounds, text->len + (size_t)got) ||
		    proctext_add(text, buffer, (size_t)got) < 0)
			return false;
	}
	return got == 0;
}
