/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bare_filter WHAT COMMAND...: runs COMMAND under the least that a tracer needs, to see
 * which part of a call's cost is whose. WHAT: `filter`, a seccomp filter of one
 * instruction that allows all; `ptrace`, a tracer that is never called; `both`;
 * `follow`, one that sees all children and new programs, and lets each go on at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "bare_filter: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void install(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = 1, .filter = &allow};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("no_new_privs");
	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) < 0)
		fail("seccomp");
}

static void become(char **command, bool filter)
{
	if (filter)
		install();
	execvp(command[0], command);
	fail(command[0]);
}

/* Signals are passed on. */
static void go_on(pid_t pid, int status)
{
	int number = WSTOPSIG(status);

	/* Seized, an exec that is not asked for stops nobody but says SIGTRAP. */
	if (status >> 16 || number == SIGTRAP)
		number = 0;
	/* Somebody may have killed it. */
	if (ptrace(PTRACE_CONT, pid, NULL, (void *)(long)number) < 0 && errno != ESRCH)
		fail("continue");
}

static int trace(pid_t child)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0)
			fail("wait");
		if (WIFSTOPPED(status))
			go_on(pid, status);
		else if (pid == child)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	bool follow = strcmp(argv[1], "follow") == 0;
	bool filter = !follow && strcmp(argv[1], "ptrace") != 0;
	const long options = follow ? PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
					      PTRACE_O_TRACEVFORK |
					      PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC
				    : PTRACE_O_EXITKILL;
	int gate[2];
	char go = 'g';

	if (strcmp(argv[1], "filter") == 0)
		become(argv + 2, true);
	if (pipe2(gate, O_CLOEXEC) < 0)
		fail("pipe");
	pid_t child = fork();

	if (child == 0) {
		if (read(gate[0], &go, 1) != 1)
			return 125;
		become(argv + 2, filter);
	}
	if (child < 0 || ptrace(PTRACE_SEIZE, child, NULL, (void *)options) < 0)
		fail("seize");
	if (write(gate[1], &go, 1) != 1)
		fail("gate");
	return trace(child);
}
