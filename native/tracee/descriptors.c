/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tracee/descriptors.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "tracee/kernel.h"

bool descriptors_same(pid_t tid, int fd, int own)
{
	return syscall(SYS_kcmp, tid, getpid(), KCMP_FILE, fd, own) == 0;
}

int descriptors_duplicate(const struct tracee *tracee, int fd)
{
	struct process *process = tracee->process;
	int copy;

	if (!kernel_has(KERNEL_PIDFD_GETFD))
		return -ENOSYS;
	if (process->pidfd == -1) {
		process->pidfd = (int)syscall(SYS_pidfd_open, process->tgid, 0);
		if (process->pidfd < 0)
			process->pidfd = -2;
	}
	if (process->pidfd < 0)
		return -ENOSYS;
	copy = (int)syscall(SYS_pidfd_getfd, process->pidfd, fd, 0);
	if (copy < 0 && errno == ENOSYS)
		kernel_has_not(KERNEL_PIDFD_GETFD);
	/* It is the first thread's: another may have descriptors of its own, or be the
	 * last one that is left. */
	if (tracee->tid == process->tgid ||
	    (copy >= 0 && descriptors_same(tracee->tid, fd, copy)))
		return copy < 0 ? -errno : copy;
	if (copy >= 0)
		close(copy);
	return -ENOSYS;
}

unsigned int descriptors_flags(pid_t tid, int fd)
{
	char path[64], line[128];
	unsigned int flags = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", tid, fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file) &&
	       sscanf(line, "flags: %o", &flags) != 1)
		;
	fclose(file);
	return flags;
}
