/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins, files of equal content, as files: bytes, many at once, maps, programs, locks.
 */
/* covers: open execveat flock */
#include "twins.h"

#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>

extern char **environ;

enum { MANY = 400, THREADS = 8, TURNS = 100 };

/* Equal to what `other` has. */
static bool same_bytes(int one, int other)
{
	static char bytes[2][1 << 16];
	off_t offset = 0;
	ssize_t got;

	while ((got = pread(one, bytes[0], sizeof(bytes[0]), offset)) > 0) {
		if (pread(other, bytes[1], sizeof(bytes[1]), offset) != got ||
		    memcmp(bytes[0], bytes[1], (size_t)got) != 0)
			return false;
		offset += got;
	}
	return pread(other, bytes[1], 1, offset) == 0;
}

static void contents(void)
{
	for (size_t at = 0; at < GROUPS; at++) {
		int fds[MEMBERS];

		open_group(groups[at], fds, false);
		for (int i = 1; i < MEMBERS; i++)
			say(same_bytes(fds[0], fds[i]), "equal bytes %s",
			    groups[at][i]);
	}
}

static int wrong;

static void *worker(void *number)
{
	size_t own = (size_t)number;

	for (size_t turn = 0; turn < TURNS; turn++) {
		const char *name =
			groups[turn % GROUPS][(own + turn / GROUPS) % MEMBERS];
		char path[4096];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", root, name);
		fd = open(path, O_RDONLY);
		if (fd < 0 || !is(fd, name))
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		close(fd);
	}
	return NULL;
}

static void in_threads(void)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker, (void *)i);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	say(wrong, "wrong in threads");
}

static void in_processes(void)
{
	pid_t pids[THREADS];
	int status, bad = 0;

	fflush(stdout);
	for (size_t i = 0; i < THREADS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			worker((void *)i);
			_exit(wrong ? 1 : 0);
		}
	}
	for (size_t i = 0; i < THREADS; i++)
		bad += waitpid(pids[i], &status, 0) < 0 || status != 0;
	say(bad, "wrong in processes");
}

static void empty_ones(void)
{
	static int fds[MANY];
	char name[32];
	int good = 0;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "big/entry_%04d", i);
		fds[i] = opened(name);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "big/entry_%04d", i);
		good += is(fds[i], name);
		close(fds[i]);
	}
	say(good, "empty files that are themselves");
}

static bool is_mapped(const void *at, const char *name)
{
	char line[4096], wanted[64], path[4096];
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;

	snprintf(wanted, sizeof(wanted), "%lx-", (unsigned long)at);
	snprintf(path, sizeof(path), " %s/%s\n", root, name);
	while (maps && fgets(line, sizeof(line), maps))
		found |= strncmp(line, wanted, strlen(wanted)) == 0 &&
			 strstr(line, path);
	if (maps)
		fclose(maps);
	return found;
}

static void mapped(void)
{
	for (size_t at = 0; at < 4; at++) {
		int fds[MEMBERS];
		void *maps[MEMBERS];

		open_group(groups[at], fds, at % 2);
		for (int i = 0; i < MEMBERS; i++) {
			maps[i] = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE,
				       fds[i], 0);
			close(fds[i]);
		}
		for (int i = 0; i < MEMBERS; i++)
			say(is_mapped(maps[i], groups[at][i]), "maps name %s",
			    groups[at][i]);
	}
}

static void run_one(const char *name, bool by_descriptor)
{
	const char *path = at_root(name);
	char *words[] = {(char *)name, "a word", NULL};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (by_descriptor)
			CALL(execveat, must_open(path, O_PATH), "", words, environ,
			     AT_EMPTY_PATH);
		else
			execv(path, words);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	say(status, "%s by descriptor %d", name, by_descriptor);
}

/* bin/show says what it is called and where it lies. */
static void executed(void)
{
	for (int turn = 0; turn < 2; turn++) {
		run_one("bin/no_x", turn);
		run_one("bin/x_only", turn);
		run_one("bin/show", turn);
		run_one("bin/empty", turn);
	}
}

/* Two files have two locks. */
static void locked(void)
{
	int a = opened("twin_a"), b = opened("twin_b"), again = opened("twin_a");

	say(flock(a, LOCK_EX | LOCK_NB), "lock one");
	say(flock(b, LOCK_EX | LOCK_NB), "lock the other");
	say(flock(again, LOCK_EX | LOCK_NB), "lock the first again");
	say(flock(a, LOCK_UN), "unlock");
	say(flock(again, LOCK_EX | LOCK_NB), "lock it now");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("contents", contents);
	in_child("threads", in_threads);
	in_child("processes", in_processes);
	in_child("empty ones", empty_ones);
	in_child("mapped", mapped);
	in_child("executed", executed);
	in_child("locked", locked);
	return 0;
}
