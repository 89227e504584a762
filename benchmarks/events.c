/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events WHAT COUNT FILE: nanoseconds of one of COUNT calls or events that carry no
 * path.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { BATCH = 50, MOST_BATCHES = 2000 };

static int file; /* FILE, opened */

static void do_fstat(void)
{
	struct stat state;

	if (fstat(file, &state) < 0)
		abort();
}

static void do_dup(void)
{
	close(dup(STDIN_FILENO));
}

static void *of_thread(void *argument)
{
	return argument;
}

static void do_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, of_thread, NULL) != 0)
		abort();
	pthread_join(thread, NULL);
}

static void do_spawn(void)
{
	char *words[] = {(char *)"/bin/true", NULL};
	pid_t pid;

	if (posix_spawn(&pid, words[0], NULL, NULL, words, environ) != 0)
		abort();
	waitpid(pid, NULL, 0);
}

static void do_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		execl("/bin/true", "/bin/true", NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void on_signal(int number)
{
	(void)number;
}

static void do_signal(void)
{
	raise(SIGUSR1);
}

static void do_lock(void)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	fcntl(file, F_SETLK, &lock);
}

/* What is waited for is there: only the limit makes it stop. */
static void do_epoll(void)
{
	static int epoll = -1, ends[2];
	struct epoll_event event = {.events = EPOLLIN};

	if (epoll < 0) {
		epoll = epoll_create1(0);
		if (pipe(ends) < 0 || write(ends[1], "x", 1) != 1 ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) < 0)
			abort();
	}
	if (epoll_wait(epoll, &event, 1, 1000) != 1)
		abort();
}

static const struct {
	const char *name;
	void (*once)(void);
} rows[] = {{"fstat", do_fstat}, {"dup", do_dup},    {"thread", do_thread},
	    {"spawn", do_spawn}, {"fork", do_fork},  {"signal", do_signal},
	    {"lock", do_lock},	 {"epoll", do_epoll}};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

/* The median of batches: what else the machine does falls on few of them. */
static double measure(void (*once)(void), long count)
{
	static double batches_ns[MOST_BATCHES];
	long size = count > MOST_BATCHES ? BATCH : 1;
	long batches = count / size;

	if (batches > MOST_BATCHES)
		batches = MOST_BATCHES;
	for (long at = 0; at < batches; at++) {
		double start = now_ns();

		for (long turn = 0; turn < size; turn++)
			once();
		batches_ns[at] = (now_ns() - start) / (double)size;
	}
	qsort(batches_ns, (size_t)batches, sizeof(double), compare);
	return batches_ns[batches / 2];
}

int main(int argc, char **argv)
{
	long count;

	if (argc != 4 || (file = open(argv[3], O_RDONLY)) < 0)
		return 2;
	count = atol(argv[2]);
	signal(SIGUSR1, on_signal);
	for (size_t i = 0; count > 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(argv[1], rows[i].name) != 0)
			continue;
		printf("%.0f\n", measure(rows[i].once, count));
		return 0;
	}
	return 2;
}
