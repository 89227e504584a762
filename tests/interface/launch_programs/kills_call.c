/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kills_call FILE mmap|openat [first]: installs a filter that ends the program for that
 * call, and opens FILE by openat2; with `first` it was opened once before. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arch/numbers.h"

static long open_it(const char *path)
{
	struct open_how how = {.flags = O_RDONLY};

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

int main(int argc, char **argv)
{
	unsigned int killed = argv[2][0] == 'm' ? SYS_mmap : SYS_openat;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, killed, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (argc > 3 && open_it(argv[1]) < 0)
		return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return 3;
	/* Nothing of the C library's in between, which may map memory. */
	return open_it(argv[1]) < 0 ? 1 : 0;
}
