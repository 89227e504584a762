/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many at once: threads that open, stat and list; fork, vfork and posix_spawn. Only
 * what went wrong and totals are printed. */
/* covers: open stat fstat chdir */
#include "probe.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>

enum { THREADS = 16, MANY = 64, OPENERS = 90, TURNS = 150 };

static const char *const subjects[] = {"file",	 "dir/file", "size_4097", "nested/file",
				       "twin_a", "twin_b",   "link_abs",  "size_1"};
enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };
static struct stat wanted[SUBJECTS];
static int wrong;

static void check(bool good)
{
	if (!good)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static void look_at(size_t which)
{
	const struct stat *right = &wanted[which];
	char path[256], byte;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, subjects[which]);
	check(stat(path, &st) == 0 && st.st_ino == right->st_ino);
	fd = open(path, O_RDONLY);
	check(fd >= 0);
	check(fstat(fd, &st) == 0 && st.st_ino == right->st_ino &&
	      st.st_mode == right->st_mode && st.st_size == right->st_size);
	check(read(fd, &byte, 1) == 1);
	check(close(fd) == 0);
	snprintf(path, sizeof(path), "%s/none_%zu", root, which);
	check(open(path, O_RDONLY) < 0 && errno == ENOENT);
}

static void *worker(void *number)
{
	size_t at = (size_t)number;

	for (int turn = 0; turn < TURNS; turn++)
		look_at((at + (size_t)turn) % SUBJECTS);
	return NULL;
}

/* at_root() is for one thread. */
static void *lister(void *number)
{
	char path[256];

	(void)number;
	snprintf(path, sizeof(path), "%s/big", root);
	for (int turn = 0; turn < 10; turn++) {
		DIR *dir = opendir(path);
		int count = 0;

		while (dir && readdir(dir))
			count++;
		check(count == 602);
		if (dir)
			closedir(dir);
	}
	return NULL;
}

static void at_once(const char *label, size_t count, void *(*part)(void *))
{
	pthread_t threads[MANY];

	wrong = 0;
	for (size_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, part, (void *)i);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %d wrong\n", label, wrong);
}

/* Threads of this process that sleep. */
static int sleeping(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		char path[300], text[512];
		FILE *file;
		const char *end;

		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		end = fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
		count += end && strncmp(end, ") S", 3) == 0;
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return count;
}

/* They all wait in an open, and the one that they wait for opens last: there must be
 * room for any number at once. */
static void *opener(void *unused)
{
	char path[256];
	int fd;

	(void)unused;
	snprintf(path, sizeof(path), "%s/fifo", root);
	fd = open(path, O_RDONLY);
	check(fd >= 0);
	close(fd);
	return NULL;
}

static void blocked_together(void)
{
	pthread_t threads[OPENERS];
	int writer;

	wrong = 0;
	for (size_t i = 0; i < OPENERS; i++)
		pthread_create(&threads[i], NULL, opener, NULL);
	for (int looks = 0; looks < 3000 && sleeping() < OPENERS; looks++)
		sched_yield();
	writer = open(at_root("fifo"), O_WRONLY);
	check(writer >= 0);
	look_at(0);
	for (size_t i = 0; i < OPENERS; i++)
		pthread_join(threads[i], NULL);
	close(writer);
	printf("blocked together: %d wrong\n", wrong);
}

static void *forker(void *number)
{
	for (int turn = 0; turn < 5; turn++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			wrong = 0;
			look_at((size_t)number % SUBJECTS);
			_exit(wrong);
		}
		waitpid(pid, &status, 0);
		check(status == 0);
	}
	return NULL;
}

static void vforked(void)
{
	char before[4096], after[4096];
	int status;
	pid_t pid;

	must_chdir(at_root("dir"));
	if (!getcwd(before, sizeof(before)))
		exit(2);
	pid = vfork();
	if (pid == 0) {
		if (chdir("sub") < 0 || open("file", O_RDONLY) < 0)
			_exit(1);
		execl(at_root("bin/show"), "show", "vforked", NULL);
		_exit(2);
	}
	waitpid(pid, &status, 0);
	printf("vfork: %x\n", (unsigned int)status);
	printf("cwd stays: %d\n",
	       getcwd(after, sizeof(after)) && strcmp(before, after) == 0);
}

static void spawned(void)
{
	char *words[] = {"spawned", NULL}, *environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	int status = -1, error;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 9, at_root("file"), O_RDONLY, 0);
	posix_spawn_file_actions_addclose(&actions, 9);
	error = posix_spawn(&pid, at_root("bin/show"), &actions, NULL, words,
			    environment);
	if (!error)
		waitpid(pid, &status, 0);
	printf("posix_spawn: %d %x\n", error, (unsigned int)status);
	error = posix_spawn(&pid, at_root("bin/none"), NULL, NULL, words, environment);
	printf("posix_spawn of none: %d\n", error);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	for (size_t i = 0; i < SUBJECTS; i++)
		stat(at_root(subjects[i]), &wanted[i]);
	at_once("16 threads", THREADS, worker);
	at_once("64 threads", MANY, worker);
	at_once("16 listing", THREADS, lister);
	at_once("forking threads", THREADS, forker);
	blocked_together();
	in_child("vfork", vforked);
	in_child("spawn", spawned);
	return 0;
}
