/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linked into interpose_run with --wrap=waitpid: much happens between the moments in
 * which two stops are collected, as when other programs have the processor. */
#include <sys/types.h>
#include <unistd.h>

pid_t __real_waitpid(pid_t, int *, int);
pid_t __wrap_waitpid(pid_t, int *, int);

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	pid_t found = __real_waitpid(pid, status, options);

	if (found > 0)
		usleep(700);
	return found;
}
