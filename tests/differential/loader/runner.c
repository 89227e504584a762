/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runner PATH...: executes each, and tells its status or why it did not start. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *words[] = {argv[i], "first", "second", NULL};
		int status;
		pid_t pid;

		printf("== %s\n", argv[i]);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			alarm(10);
			execv(argv[i], words);
			printf("failed: %s\n", strerror(errno));
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		printf("status %x\n", (unsigned int)status);
	}
	return 0;
}
