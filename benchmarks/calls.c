/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls TOP LISTS PATHS WORKERS MILLISECONDS CALL...: nanoseconds per call.
 *
 * TOP is the tree, LISTS a directory with files of names relative to it. PATHS is
 * `many` (all names in turn) or `hot` (the first one only), WORKERS a number of
 * threads, or of processes with a p behind it. Each CALL is made for so many
 * milliseconds. Of one thread it is the median of batches; of more the time is divided
 * by the calls of all workers together. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "workers.h"

static struct list files, links, missing, directories;
static int opened, top, null_file;

static void read_list(const char *lists, const char *name, const char *tree, bool hot,
		      struct list *ret_list)
{
	char line[PATH_MAX], whole[2 * PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", lists, name);
	FILE *file = fopen(whole, "r");
	int most = hot ? 1 : MOST_PATHS;

	if (file == NULL)
		fail(whole);
	while (ret_list->count < most && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(whole, sizeof(whole), "%s/%s", tree, line);
		ret_list->names[ret_list->count] = strdup(line);
		ret_list->absolute[ret_list->count++] = strdup(whole);
	}
	fclose(file);
	if (ret_list->count == 0)
		fail(name);
}

static void do_stat(const char *path)
{
	struct stat state;

	if (stat(path, &state) < 0)
		fail(path);
}

static void do_stat_at(const char *path)
{
	struct stat state;

	if (fstatat(top, path, &state, 0) < 0)
		fail(path);
}

static void do_access(const char *path)
{
	if (access(path, R_OK) < 0)
		fail(path);
}

static void do_access_at(const char *path)
{
	if (faccessat(top, path, R_OK, 0) < 0)
		fail(path);
}

static void do_readlink(const char *path)
{
	char target[PATH_MAX];

	if (readlink(path, target, sizeof(target)) < 0)
		fail(path);
}

static void do_readlink_at(const char *path)
{
	char target[PATH_MAX];

	if (readlinkat(top, path, target, sizeof(target)) < 0)
		fail(path);
}

static void do_missing(const char *path)
{
	struct stat state;

	if (stat(path, &state) == 0 || errno != ENOENT)
		fail(path);
}

static void do_missing_at(const char *path)
{
	struct stat state;

	if (fstatat(top, path, &state, 0) == 0 || errno != ENOENT)
		fail(path);
}

static void do_open(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		fail(path);
	close(file);
}

static void do_open_read(const char *path)
{
	char block[4096];
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0 || read(file, block, sizeof(block)) < 0)
		fail(path);
	close(file);
}

static void do_list(const char *path)
{
	DIR *directory = opendir(path);

	if (directory == NULL)
		fail(path);
	while (readdir(directory) != NULL)
		;
	closedir(directory);
}

static void do_fstat(const char *path)
{
	struct stat state;

	if (fstat(opened, &state) < 0)
		fail(path);
}

static void do_dup(const char *path)
{
	int copy = dup(opened);

	if (copy < 0)
		fail(path);
	close(copy);
}

static void do_getcwd(const char *path)
{
	char name[PATH_MAX];

	if (getcwd(name, sizeof(name)) == NULL)
		fail(path);
}

static void do_getppid(const char *path)
{
	(void)path;
	syscall(SYS_getppid);
}

static void do_read(const char *path)
{
	char block[4096];

	if (pread(opened, block, sizeof(block), 0) < 0)
		fail(path);
}

static void do_write(const char *path)
{
	if (write(null_file, "x", 1) != 1)
		fail(path);
}

static void do_mmap(const char *path)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail(path);
	munmap(page, 4096);
}

/* Nobody waits. */
static void do_futex(const char *path)
{
	static int word;

	if (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) != 0)
		fail(path);
}

static const struct question questions[] = {
	{"stat", do_stat, &files, true},
	{"access", do_access, &files, true},
	{"readlink", do_readlink, &links, true},
	{"ENOENT", do_missing, &missing, true},
	{"stat, relative", do_stat, &files, false},
	{"access, relative", do_access, &files, false},
	{"readlink, relative", do_readlink, &links, false},
	{"ENOENT, relative", do_missing, &missing, false},
	{"stat, dirfd", do_stat_at, &files, false},
	{"access, dirfd", do_access_at, &files, false},
	{"readlink, dirfd", do_readlink_at, &links, false},
	{"ENOENT, dirfd", do_missing_at, &missing, false},
	{"open+close", do_open, &files, true},
	{"open+read+close", do_open_read, &files, true},
	{"opendir+readdir+closedir", do_list, &directories, true},
	{"fstat", do_fstat, &files, true},
	{"dup", do_dup, &files, true},
	{"getcwd", do_getcwd, &files, true},
	{"getppid", do_getppid, &files, true},
	{"read", do_read, &files, true},
	{"write", do_write, &files, true},
	{"mmap", do_mmap, &files, true},
	{"futex", do_futex, &files, true},
};

static const struct question *question_of(const char *name)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (strcmp(questions[i].name, name) == 0)
			return &questions[i];
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 7)
		return 2;
	const char *tree = argv[1], *lists = argv[2];
	bool hot = strcmp(argv[3], "hot") == 0;
	char *rest;
	long count = strtol(argv[4], &rest, 10);
	size_t size = sizeof(struct worker) * MOST_WORKERS;
	struct worker *workers = mmap(NULL, size, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	limit_ns = atof(argv[5]) * 1e6;
	if (count < 1 || count > MOST_WORKERS || limit_ns <= 0 || workers == MAP_FAILED)
		return 2;
	read_list(lists, "files", tree, hot, &files);
	read_list(lists, "links", tree, hot, &links);
	read_list(lists, "missing", tree, hot, &missing);
	read_list(lists, "directories", tree, hot, &directories);
	top = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	opened = open(files.absolute[0], O_RDONLY | O_CLOEXEC);
	null_file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (top < 0 || opened < 0 || null_file < 0 || chdir(tree) < 0)
		fail(tree);
	for (int i = 6; i < argc; i++) {
		const struct question *question = question_of(argv[i]);

		if (question == NULL)
			fail(argv[i]);
		measure(question, workers, (int)count, *rest == 'p');
	}
	return 0;
}
