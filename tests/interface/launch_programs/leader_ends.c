/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first thread ends, the other one goes on; also in a child that reports no death.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"

static void *last(void *text)
{
	for (int i = 0; i < 200; i++)
		close(open("/etc/passwd", O_RDONLY));
	if (text)
		printf("%s\n", (const char *)text);
	return NULL;
}

static void leave(void *text)
{
	pthread_t thread;

	pthread_create(&thread, NULL, last, text);
	pthread_exit(NULL);
}

int main(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	int status;

	if (pid == 0)
		leave(NULL);
	waitpid(pid, &status, __WALL);
	leave("last");
}
