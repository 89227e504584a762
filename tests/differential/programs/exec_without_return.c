/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An exec that fails when the old program is gone already, for want of address space,
 * ends the process by SIGSEGV: of the leader, and of a thread that had become it. */
/* covers: execve */
#include "probe.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

enum { TIMES = 20 };

static const char *program;

static void *execute(void *unused)
{
	const struct rlimit none = {4096, 4096};
	char *const words[] = {(char *)program, NULL};

	(void)unused;
	setrlimit(RLIMIT_AS, &none);
	CALL(execve, program, words, NULL);
	_exit(errno == ENOENT ? 2 : 3);
}

static void leader(void)
{
	execute(NULL);
}

static void thread(void)
{
	pthread_t other;
	struct stat st;

	if (pthread_create(&other, NULL, execute, NULL) != 0)
		_exit(4);
	/* A leader that is in a call at any moment, of those that stop. */
	for (;;)
		stat(program, &st);
}

static void run(const char *label, void (*part)(void))
{
	int status = 0, different = 0, first = 0;

	for (int i = 0; i < TIMES; i++) {
		pid_t pid = fork();

		if (pid == 0)
			part();
		waitpid(pid, &status, 0);
		first = i ? first : status;
		different += status != first;
	}
	printf("%s: %x, others %d\n", label, (unsigned int)first, different);
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};

	probe_start(argc, argv);
	setrlimit(RLIMIT_CORE, &no_core);
	program = "/bin/true";
	run("leader, host", leader);
	run("thread, host", thread);
	program = at_root("bin/show");
	/* From here on there is room for what redirected calls need. */
	close(must_open(program, O_RDONLY));
	run("leader, tree", leader);
	run("thread, tree", thread);
	return 0;
}
