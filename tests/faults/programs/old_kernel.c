/* SPDX-License-Identifier: GPL-2.0-or-later */
/* old_kernel NAME... -- COMMAND...: COMMAND where these are not: calls end with ENOSYS
 * (with EPERM after the word "forbidden"), flags with EINVAL. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arch/numbers.h"

static const struct {
	const char *name;
	unsigned int numbers[2];
} rows[] = {{"process_vm", {SYS_process_vm_readv, SYS_process_vm_writev}},
	    {"openat2", {437, 437}},
	    {"pidfd_getfd", {438, 438}},
	    {"statx", {SYS_statx, SYS_statx}},
	    {"memfd", {SYS_memfd_create, SYS_memfd_create}},
	    {"ptrace", {SYS_ptrace, SYS_ptrace}},
	    {"seccomp", {SYS_seccomp, SYS_seccomp}}};

static int forbid(unsigned int number, unsigned int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {4, code};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int main(int argc, char **argv)
{
	unsigned int error = ENOSYS;
	int at = 1, failed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
		if (strcmp(argv[at], "forbidden") == 0)
			error = EPERM;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			for (int j = 0; j < 2 && !strcmp(rows[i].name, argv[at]); j++)
				if (!j || rows[i].numbers[1] != rows[i].numbers[0])
					failed |= forbid(rows[i].numbers[j], error);
	}
	if (failed || at + 1 >= argc)
		return 3;
	execvp(argv[at + 1], argv + at + 1);
	perror(argv[at + 1]);
	return 3;
}
