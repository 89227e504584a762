/* SPDX-License-Identifier: GPL-2.0-or-later */
/* with_quota LIMIT_KIB USED_BYTES COMMAND...: the command, on file systems that tell of
 * such a quota of space, whatever the kernel can (seccomp_unotify(2)). */
#define _GNU_SOURCE 1
#include <linux/filter.h>
#include <linux/quota.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"

enum { FAILED = 111 };

static int listen_to_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_quotactl_fd, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* quotactl_fd(fd, command, id, address) */
static void answer_call(int listener, const struct if_dqblk *quota)
{
	struct seccomp_notif notice = {0};
	struct seccomp_notif_resp answer = {0};
	struct iovec from = {(void *)quota, sizeof(*quota)}, to = {0};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) < 0)
		return;
	to.iov_base = (void *)(uintptr_t)notice.data.args[3];
	to.iov_len = sizeof(*quota);
	answer.id = notice.id;
	if (process_vm_writev((pid_t)notice.pid, &from, 1, &to, 1, 0) < 0)
		answer.error = -14;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

int main(int argc, char **argv)
{
	struct if_dqblk quota = {0};
	struct pollfd sources[2] = {{.events = POLLIN}, {.events = POLLIN}};
	int listener = listen_to_calls(), status;
	pid_t child;

	if (argc < 4 || listener < 0)
		return FAILED;
	quota.dqb_bhardlimit = strtoull(argv[1], NULL, 10);
	quota.dqb_curspace = strtoull(argv[2], NULL, 10);
	child = fork();
	if (child == 0) {
		execvp(argv[3], argv + 3);
		_exit(FAILED);
	}
	sources[0].fd = listener;
	sources[1].fd = (int)syscall(SYS_pidfd_open, child, 0);
	while (poll(sources, 2, -1) > 0 && !sources[1].revents)
		answer_call(listener, &quota);
	if (waitpid(child, &status, 0) < 0)
		return FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}
