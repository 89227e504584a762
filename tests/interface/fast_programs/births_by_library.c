/* SPDX-License-Identifier: GPL-2.0-or-later */
/* births_by_library KIND COUNT: makes so many threads or processes as the C library
 * does, or "untraced" and "traced" ones at a place like its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *words[] = {"true", NULL};

static void *end(void *argument)
{
	return argument;
}

static int thread(void)
{
	pthread_t made;
	void *result = NULL;

	return pthread_create(&made, NULL, end, words) == 0 &&
	       pthread_join(made, &result) == 0 && result == words;
}

static int spawn(const char *program, int expected)
{
	int status = 0;
	pid_t pid;

	if (posix_spawn(&pid, program, NULL, NULL, words, words + 1) != expected)
		return 0;
	return expected || (waitpid(pid, &status, 0) == pid && status == 0);
}

static int at_own_place(uint64_t flags)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	register size_t size __asm__("rsi") = sizeof(args);
	int status = -1;
	long pid;

	__asm__ volatile("mov $435, %%eax\n\tsyscall"
			 : "=a"(pid)
			 : "D"(&args), "r"(size)
			 : "rcx", "r11", "memory");
	if (pid == 0)
		_exit(0);
	return waitpid((pid_t)pid, &status, __WALL) == pid && status == 0;
}

int main(int argc, char **argv)
{
	int good = 0, count = argc > 2 ? atoi(argv[2]) : 0;
	struct stat st;

	for (int i = 0; i < 40; i++)
		stat("/etc/passwd", &st);
	for (int i = 0; i < count; i++) {
		if (strcmp(argv[1], "threads") == 0)
			good += thread();
		else if (strcmp(argv[1], "untraced") == 0)
			good += at_own_place(CLONE_UNTRACED);
		else if (strcmp(argv[1], "traced") == 0)
			good += at_own_place(0);
		else if (strcmp(argv[1], "missing") == 0)
			good += spawn("/nobody", ENOENT);
		else
			good += spawn("/bin/true", 0);
	}
	return good != count;
}
