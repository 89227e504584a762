/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What we use of newer kernels, and what takes its place where it is missing. */
#ifndef TRACEE_KERNEL_H
#define TRACEE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum kernel_feature {
	KERNEL_PROCESS_VM,
	KERNEL_PAGEMAP,
	KERNEL_OPENAT2,
	KERNEL_RESOLVE_CACHED,
	KERNEL_PIDFD_GETFD,
	KERNEL_STATX,
	KERNEL_SYSCALL_INFO,
	KERNEL_MEMFD,
	KERNEL_FEATURES
};

/* False once the kernel has refused it, or if its fallback is forced. */
bool kernel_has(enum kernel_feature feature);
/* A use of it ended with ENOSYS: it is not tried again. */
void kernel_has_not(enum kernel_feature feature);
/* Forces the fallbacks of `names`: "a,b", or "all"; before threads are made. 0, or
 * -EINVAL with the word that is no name. */
int kernel_force(const char *names, const char **ret_word, size_t *ret_size);
/* What /proc/TID/status says of a thread. */
struct kernel_thread {
	int filters;	   /* of seccomp; -1: it does not count them (Linux 5.9) */
	bool shadow_stack; /* a second one for return addresses (Linux 6.6, x86_64) */
};
struct kernel_thread kernel_thread(pid_t tid);
int kernel_filters(pid_t tid);
/* Bits of stx_mask for the numbers of a mount that the running kernel knows: none, the
 * one of mountinfo, or also one that is never used again (Linux 5.8, 6.8). */
uint32_t kernel_mount_numbers(void);
/* False of a call of ours that came after the running kernel: its answer is ENOSYS.
 * Asked when a tracee makes the call, so that no filter that we have inherited ends us
 * for it. */
bool kernel_knows_call(long number);
/* execveat(2) has AT_EXECVE_CHECK (Linux 6.14); before, the flag is EINVAL. */
bool kernel_has_execve_check(void);
/* NULL is the empty name to statx(2) and fstatat(2) with AT_EMPTY_PATH (Linux 6.11). */
bool kernel_takes_null_names(void);

#endif
