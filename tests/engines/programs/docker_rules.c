/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker_rules [process_vm] -- COMMAND...: COMMAND under what Docker's default profile
 * forbids to a container without capabilities
 * (https://docs.docker.com/engine/security/seccomp/): EPERM; clone3 and calls that are
 * younger than the rules: ENOSYS. `process_vm` forbids these two calls as well, as the
 * rules of kernels before 4.8 do. */
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

#define MOST 256
#define YOUNGEST 450
#define NAMESPACES 0x7e020000u
#define VSOCK 40

static const int denied[] = {
	SYS_acct, SYS_add_key, SYS_bpf, SYS_chroot, SYS_clock_settime,
	SYS_delete_module, SYS_fanotify_init, SYS_finit_module, SYS_get_mempolicy,
	SYS_init_module, SYS_ioperm, SYS_iopl, SYS_kcmp, SYS_kexec_file_load,
	SYS_kexec_load, SYS_keyctl, SYS_lookup_dcookie, SYS_mbind, SYS_migrate_pages,
	SYS_mount, SYS_move_pages, SYS_nfsservctl, SYS_open_by_handle_at,
	SYS_perf_event_open, SYS_pivot_root, SYS_quotactl, SYS_reboot, SYS_request_key,
	SYS_set_mempolicy, SYS_setdomainname, SYS_sethostname, SYS_setns,
	SYS_settimeofday, SYS_swapoff, SYS_swapon, SYS_syslog, SYS_umount2, SYS_unshare,
	SYS_userfaultfd, SYS_vhangup,
#ifdef __x86_64__
	SYS__sysctl, SYS_sysfs, SYS_uselib, SYS_ustat,
#endif
	/* open_tree to fspick; process_madvise, mount_setattr, quotactl_fd */
	428, 429, 430, 431, 432, 433, SYS_pidfd_getfd, 440, 442, 443, YOUNGEST};
static const unsigned int personas[] = {0, 8, 0x20000, 0x20008, 0xffffffff};

static struct sock_filter code[MOST];
static unsigned short used;

static void add(unsigned short what, unsigned int value, int then, int other)
{
	struct sock_filter one = {what, (unsigned char)then, (unsigned char)other,
				  value};

	code[used++] = one;
}

static void argument(unsigned int which)
{
	add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[which]), 0, 0);
}

static void answer(unsigned int error)
{
	add(BPF_RET | BPF_K, error ? SECCOMP_RET_ERRNO | error : SECCOMP_RET_ALLOW, 0,
	    0);
}

static void deny(int number)
{
	add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1);
	answer(EPERM);
}

/* Docker has rules for i386 programs, too; nothing here is one. */
static void rules_of_numbers(int with_process_vm)
{
	add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		deny(denied[i]);
	if (with_process_vm) {
		deny(SYS_process_vm_readv);
		deny(SYS_process_vm_writev);
	}
	add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0);
	add(BPF_JMP | BPF_JGT | BPF_K, YOUNGEST, 0, 1);
	answer(ENOSYS);
}

static void rules_of_arguments(void)
{
	int count = sizeof(personas) / sizeof(personas[0]);

	add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
	argument(0);
	add(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1);
	answer(EPERM);
	answer(0);
	add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4);
	argument(0);
	add(BPF_JMP | BPF_JEQ | BPF_K, VSOCK, 0, 1);
	answer(EPERM);
	answer(0);
	add(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, count + 2);
	argument(0);
	for (int i = 0; i < count; i++)
		add(BPF_JMP | BPF_JEQ | BPF_K, personas[i], count - i, 0);
	answer(EPERM);
	answer(0);
}

int main(int argc, char **argv)
{
	int with_process_vm = argc > 1 && strcmp(argv[1], "process_vm") == 0;
	struct sock_fprog program = {0, code};
	char **command = argv + with_process_vm + 2;

	if (command >= argv + argc || strcmp(command[-1], "--") != 0)
		return 2;
	rules_of_numbers(with_process_vm);
	rules_of_arguments();
	program.len = used;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
		perror("docker_rules");
		return 2;
	}
	execvp(*command, command);
	perror(*command);
	return 2;
}
