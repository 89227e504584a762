/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fork_and_move DIRECTORY OTHER TIMES: a thread goes to DIRECTORY while another forks;
 * the child goes to OTHER and looks for "f" there. Prints how often it was not there.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEMORY = 20 << 20, PAGE = 4096 };

static const char *directory, *other;
static atomic_int go, ready;

static void *move(void *delay)
{
	atomic_store(&ready, 1);
	while (!atomic_load(&go))
		;
	for (volatile int i = 0; i < *(int *)delay; i++)
		;
	if (chdir(directory) < 0)
		_exit(3);
	return NULL;
}

static int status_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : 4;
}

static int once(int delay)
{
	struct stat st;
	pthread_t thread;
	int status;
	pid_t pid;

	/* Here it is known where this process is. */
	if (chdir("/etc") < 0 || stat("passwd", &st) < 0 || stat("passwd", &st) < 0)
		return 5;
	if (pthread_create(&thread, NULL, move, &delay) != 0)
		return 6;
	while (!atomic_load(&ready))
		;
	atomic_store(&go, 1);
	pid = fork();
	if (pid == 0)
		_exit(chdir(other) < 0 ? 7 : stat("f", &st) < 0);
	status = status_of(pid);
	pthread_join(thread, NULL);
	return status;
}

int main(int argc, char **argv)
{
	/* A fork takes its time with so much. */
	char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wrong = 0;

	if (argc != 4 || memory == MAP_FAILED)
		return 2;
	directory = argv[1];
	other = argv[2];
	for (int i = 0; i < MEMORY; i += PAGE)
		memory[i] = 1;
	for (int i = 0; i < atoi(argv[3]); i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(once(i * 977 % 200000));
		wrong += status_of(pid) != 0;
	}
	printf("wrong %d\n", wrong);
	return 0;
}
