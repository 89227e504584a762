/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that is stopped and continued while it starts, by somebody who never
 * ceases, starts all the same. */
#include "probe.h"

#include <sched.h>
#include <signal.h>

enum { STARTS = 40 };

static int start(const char *path)
{
	int status, null = open("/dev/null", O_WRONLY);
	pid_t pid = fork();

	if (pid == 0) {
		dup2(null, 1);
		execl(path, path, NULL);
		_exit(1);
	}
	close(null);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		kill(pid, SIGSTOP);
		sched_yield();
		kill(pid, SIGCONT);
	}
	return status;
}

static void start_often(const char *name)
{
	const char *path = at_root(name);

	for (int i = 0; i < STARTS; i++) {
		int status = start(path);

		/* Both end with 7. */
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) {
			printf("%s: start ended with %x\n", name, (unsigned)status);
			return;
		}
	}
	printf("%s: well\n", name);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	start_often("bin/show");
	start_often("bin/script");
	return 0;
}
