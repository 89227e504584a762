/* SPDX-License-Identifier: GPL-2.0-or-later */
/* births KIND COUNT: makes and awaits children one after the other; prints how many
 * ended with the status that they were told. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"

extern char **environ;
static char *words[] = {"sh", "-c", "exit 7", NULL};

static int child(void *unused)
{
	(void)unused;
	/* A call that stops, made while a vfork parent sleeps. */
	close(openat(AT_FDCWD, "/etc/passwd", O_RDONLY));
	execve("/bin/sh", words, environ);
	_exit(1);
}

static pid_t birth(const char *kind)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid = -1;

	if (strcmp(kind, "fork") == 0) {
		pid = fork();
	} else if (strcmp(kind, "vfork") == 0) {
		pid = vfork();
	} else if (strcmp(kind, "posix_spawn") == 0) {
		return posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ) ? -1
										: pid;
	} else if (strcmp(kind, "clone3") == 0) {
		struct clone_args args = {.exit_signal = SIGCHLD};

		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	} else if (strcmp(kind, "untraced") == 0) {
		pid = (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
	} else {
		return clone(child, stack + sizeof(stack),
			     CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	}
	if (pid == 0)
		child(NULL);
	return pid;
}

int main(int argc, char **argv)
{
	int good = 0;

	for (int i = 0; argc > 2 && i < atoi(argv[2]); i++) {
		int status;
		pid_t pid = birth(argv[1]);

		if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
			good += WEXITSTATUS(status) == 7;
	}
	printf("%d\n", good);
	return 0;
}
