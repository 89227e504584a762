/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls FILES LINKS MISSING ROUNDS [CALL...]: nanoseconds per call, the best of ROUNDS
 * passes over the paths, one per line in each of the files. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PATHS = 4096 };

struct list {
	char *paths[MOST_PATHS];
	int count;
};

typedef void operation(const char *path);

static int opened = -1;

static void fail(const char *what)
{
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void read_list(const char *name, struct list *ret_list)
{
	char line[PATH_MAX];
	FILE *file = fopen(name, "r");

	if (file == NULL)
		fail(name);
	while (ret_list->count < MOST_PATHS && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		ret_list->paths[ret_list->count++] = strdup(line);
	}
	fclose(file);
}

static void do_stat(const char *path)
{
	struct stat state;

	if (stat(path, &state) < 0)
		fail(path);
}

static void do_open(const char *path)
{
	char block[4096];
	int file = open(path, O_RDONLY);

	if (file < 0 || read(file, block, sizeof(block)) < 0)
		fail(path);
	close(file);
}

static void do_missing(const char *path)
{
	if (access(path, F_OK) == 0 || errno != ENOENT)
		fail(path);
}

static void do_readlink(const char *path)
{
	char target[PATH_MAX];

	if (readlink(path, target, sizeof(target)) < 0)
		fail(path);
}

static void do_access(const char *path)
{
	if (access(path, R_OK) < 0)
		fail(path);
}

/* The directory in which it lies. */
static void do_list(const char *path)
{
	char name[PATH_MAX];
	DIR *directory;

	snprintf(name, sizeof(name), "%.*s", (int)(strrchr(path, '/') - path), path);
	directory = opendir(name);
	if (directory == NULL)
		fail(name);
	while (readdir(directory) != NULL)
		;
	closedir(directory);
}

static void do_fstat(const char *path)
{
	struct stat state;

	(void)path;
	if (fstat(opened, &state) < 0)
		fail("fstat");
}

static void do_getcwd(const char *path)
{
	char name[PATH_MAX];

	(void)path;
	if (getcwd(name, sizeof(name)) == NULL)
		fail("getcwd");
}

static void do_getppid(const char *path)
{
	(void)path;
	syscall(SYS_getppid);
}

static void do_read(const char *path)
{
	char block[4096];

	(void)path;
	if (pread(opened, block, sizeof(block), 0) < 0)
		fail("read");
}

static double pass(operation *call, const struct list *list, int repeat)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int again = 0; again < repeat; again++)
		for (int i = 0; i < list->count; i++)
			call(list->paths[i]);
	clock_gettime(CLOCK_MONOTONIC, &end);
	double elapsed = (double)(end.tv_sec - start.tv_sec) * 1e9 +
			 (double)(end.tv_nsec - start.tv_nsec);
	return elapsed / ((double)list->count * repeat);
}

static void measure(const char *name, operation *call, const struct list *list,
		    int rounds, int repeat)
{
	double best = 0;

	for (int round = 0; round <= rounds; round++) {
		double once = pass(call, list, repeat);
		/* The first pass fills the caches of the kernel and ours. */
		if (round == 1 || (round > 1 && once < best))
			best = once;
	}
	printf("%s %.1f\n", name, best);
}

static bool wanted(const char *name, char **names)
{
	if (*names == NULL)
		return true;
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

int main(int argc, char **argv)
{
	static struct list files, links, missing;
	const struct {
		const char *name;
		operation *call;
		const struct list *list;
		int repeat;
	} questions[] = {
		{"stat", do_stat, &files, 1},
		{"access", do_access, &files, 1},
		{"readlink", do_readlink, &links, 1},
		{"access, ENOENT", do_missing, &missing, 1},
		{"open+read+close", do_open, &files, 1},
		{"opendir+readdir+closedir", do_list, &files, 1},
		{"fstat", do_fstat, &files, 10},
		{"getcwd", do_getcwd, &files, 10},
		{"getppid", do_getppid, &files, 100},
		{"read", do_read, &files, 30},
	};

	if (argc < 5)
		return 2;
	read_list(argv[1], &files);
	read_list(argv[2], &links);
	read_list(argv[3], &missing);
	int rounds = atoi(argv[4]);
	if (files.count == 0 || links.count == 0 || missing.count == 0 || rounds < 1)
		return 2;
	opened = open(files.paths[0], O_RDONLY);
	if (opened < 0)
		fail(files.paths[0]);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (wanted(questions[i].name, argv + 5))
			measure(questions[i].name, questions[i].call, questions[i].list,
				rounds, questions[i].repeat);
	return 0;
}
