/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/pidspace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

enum { MOST_LEVELS = 33 }; /* MAX_PID_NS_LEVEL of Linux, and the first one */

/* A thread's numbers, from the namespace of the /proc that shows them down to its own.
 * The last ones, with that namespace, name it wherever one looks from. */
struct levels {
	uint64_t space; /* inode of its own pid namespace */
	size_t count;
	pid_t tgid[MOST_LEVELS], tid[MOST_LEVELS];
};

static size_t read_numbers(const char *line, pid_t numbers[MOST_LEVELS])
{
	size_t count = 0;
	char *end;

	for (; count < MOST_LEVELS; line = end) {
		long number = strtol(line, &end, 10);

		if (end == line)
			break;
		numbers[count++] = (pid_t)number;
	}
	return count;
}

/* Of the process or thread that is `where`, a directory with its slash, from `dir`. */
static bool read_levels(struct levels *levels, int dir, const char *where)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *line = NULL;
	char path[64];
	size_t size = 0;
	struct stat st;

	levels->count = 0;
	snprintf(path, sizeof(path), "%sns/pid", where);
	if (fstatat(dir, path, &st, 0) < 0)
		return false;
	levels->space = st.st_ino;
	snprintf(path, sizeof(path), "%sstatus", where);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file)
		return false;
	take_fd(&fd); /* the stream's own now */
	while (getline(&line, &size, file) > 0) {
		if (strncmp(line, "NStgid:", 7) == 0)
			levels->count = read_numbers(line + 7, levels->tgid);
		else if (strncmp(line, "NSpid:", 6) == 0 &&
			 read_numbers(line + 6, levels->tid) != levels->count)
			levels->count = 0;
	}
	return levels->count > 0;
}

static bool read_tracee(struct levels *levels, pid_t tid)
{
	char where[32];

	snprintf(where, sizeof(where), "/proc/%d/", tid);
	return read_levels(levels, AT_FDCWD, where);
}

static bool is_same(const struct levels *one, const struct levels *other)
{
	return one->space == other->space &&
	       one->tid[one->count - 1] == other->tid[other->count - 1];
}

bool pidspace_numbers_in(int proc, const struct tracee *tracee,
			 struct pidspace_numbers *ret_numbers)
{
	struct levels own, there;
	char where[64];

	if (!read_tracee(&own, tracee->tid))
		return false;
	for (size_t i = own.count; i-- > 0;) {
		snprintf(where, sizeof(where), "%d/task/%d/", own.tgid[i], own.tid[i]);
		if (!read_levels(&there, proc, where) || !is_same(&own, &there))
			continue;
		*ret_numbers = (struct pidspace_numbers){own.tgid[i], own.tid[i]};
		return true;
	}
	return false;
}

struct search {
	const struct levels *wanted;
	pid_t found;
};

static void compare(struct tracee *tracee, void *context)
{
	struct search *search = context;
	struct levels levels;

	if (!search->found && read_tracee(&levels, tracee->tid) &&
	    is_same(&levels, search->wanted))
		search->found = tracee->tid;
}

pid_t pidspace_find(const struct run *run, int dir, const char *up)
{
	struct levels wanted;
	struct search search = {.wanted = &wanted};

	if (read_levels(&wanted, dir, up))
		tracees_each(run->tracees, compare, &search);
	return search.found;
}
