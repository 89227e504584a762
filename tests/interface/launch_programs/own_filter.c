/* SPDX-License-Identifier: GPL-2.0-or-later */
/* own_filter FILE errno|kill: installs a filter of its own, opens FILE, makes calls
 * that the filter refuses or ends the program for. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arch/numbers.h"
int main(int argc, char **argv)
{
	unsigned int action = argc > 2 && argv[2][0] == 'k' ? SECCOMP_RET_KILL_PROCESS
							    : SECCOMP_RET_ERRNO | EXDEV;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unlink, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	char text[64];
	int fd;
	long got;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		printf("no filter: %s\n", strerror(errno));
	fd = open(argv[1], O_RDONLY);
	got = read(fd, text, sizeof(text));
	printf("open %d\n", got > 0 ? 1 : errno);
	printf("unlink %d\n", syscall(SYS_unlink, argv[1]) < 0 ? errno : 0);
	printf("host unlink %d\n", syscall(SYS_unlink, "/none") < 0 ? errno : 0);
	fflush(stdout);
	printf("getppid %d\n", syscall(SYS_getppid) < 0 ? errno : 0);
	return 0;
}
