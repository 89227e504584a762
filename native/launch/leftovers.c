/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/leftovers.h"

#include <signal.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "launch/helper.h"
#include "launch/scratches.h"

enum { REMOVAL_S = 10, FEW = 256 };

/* A removal wants some descriptors, and a limit may leave none (ulimit -n). */
static void let_go_of_descriptors(void)
{
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0) == 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < FEW; fd++)
		close(fd);
}

static _Noreturn void remove_in_time(struct launch *launch)
{
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	signal(SIGALRM, SIG_DFL);
	alarm(REMOVAL_S);
	sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	let_go_of_descriptors();
	scratches_remove(launch);
	_exit(0);
}

pid_t leftovers_remove(struct launch *launch)
{
	pid_t pid;

	if (!launch->scratch->path[0] && !launch->memory->path[0])
		return 0;
	pid = fork();
	if (pid == 0)
		remove_in_time(launch);
	return pid > 0 ? pid : 0;
}

void leftovers_finish(pid_t pid)
{
	helper_finish(pid, REMOVAL_S * 1000);
}
