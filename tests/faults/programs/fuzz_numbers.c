/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which call comes next. Kinds of arguments: p path, d directory or path's start, f
 * descriptor, b buffer, s size, g flags, i integer, P process of this job, S signal. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "fuzz.h"

struct shape {
	long number;
	const char *kinds;
};

/* The rows of native/syscalls/table.c; tests compare the two lists. */
static const struct shape traced[] = {
	{SYS_open, "pgi"},
	{SYS_creat, "pi"},
	{SYS_openat, "dpgi"},
	{437 /* openat2 */, "dpbs"},
	{SYS_stat, "pb"},
	{SYS_lstat, "pb"},
	{SYS_fstat, "fb"},
	{SYS_newfstatat, "dpbg"},
	{SYS_statx, "dpggb"},
	{SYS_access, "pi"},
	{SYS_faccessat, "dpi"},
	{439 /* faccessat2 */, "dpig"},
	{SYS_readlink, "pbs"},
	{SYS_readlinkat, "dpbs"},
	{SYS_getcwd, "bs"},
	{SYS_chdir, "p"},
	{SYS_fchdir, "f"},
	{SYS_getdents, "fbs"},
	{SYS_getdents64, "fbs"},
	{SYS_statfs, "pb"},
	{SYS_fstatfs, "fb"},
	{SYS_name_to_handle_at, "dpbbg"},
	{SYS_inotify_add_watch, "fpg"},
	{SYS_chroot, "p"},
	{SYS_pivot_root, "pp"},
	{SYS_getxattr, "ppbs"},
	{SYS_lgetxattr, "ppbs"},
	{SYS_fgetxattr, "fpbs"},
	{SYS_listxattr, "pbs"},
	{SYS_llistxattr, "pbs"},
	{SYS_flistxattr, "fbs"},
	{464 /* getxattrat */, "dpgpbs"},
	{465 /* listxattrat */, "dpgbs"},
	{SYS_mkdir, "pi"},
	{SYS_mkdirat, "dpi"},
	{SYS_mknod, "pii"},
	{SYS_mknodat, "dpii"},
	{SYS_symlink, "pp"},
	{SYS_symlinkat, "pdp"},
	{SYS_link, "pp"},
	{SYS_linkat, "dpdpg"},
	{SYS_rename, "pp"},
	{SYS_renameat, "dpdp"},
	{SYS_renameat2, "dpdpg"},
	{SYS_unlink, "p"},
	{SYS_unlinkat, "dpg"},
	{SYS_rmdir, "p"},
	{SYS_chmod, "pi"},
	{SYS_fchmod, "fi"},
	{SYS_fchmodat, "dpi"},
	{452 /* fchmodat2 */, "dpig"},
	{SYS_chown, "pii"},
	{SYS_lchown, "pii"},
	{SYS_fchown, "fii"},
	{SYS_fchownat, "dpiig"},
	{SYS_utime, "pb"},
	{SYS_utimes, "pb"},
	{SYS_futimesat, "dpb"},
	{SYS_utimensat, "dpbg"},
	{SYS_truncate, "ps"},
	{SYS_setxattr, "ppbsg"},
	{SYS_lsetxattr, "ppbsg"},
	{SYS_fsetxattr, "fpbsg"},
	{463 /* setxattrat */, "dpgpbs"},
	{SYS_removexattr, "pp"},
	{SYS_lremovexattr, "pp"},
	{SYS_fremovexattr, "fp"},
	{466 /* removexattrat */, "dpgp"},
	{468 /* file_getattr */, "dpbsg"},
	{469 /* file_setattr */, "dpbsg"},
	{428 /* open_tree */, "dpg"},
	{467 /* open_tree_attr */, "dpgbs"},
	{SYS_fanotify_mark, "fgidp"},
	{SYS_ioctl, "fib"},
	{SYS_dup, "f"},
	{SYS_dup2, "ff"},
	{SYS_dup3, "ffg"},
	{436 /* close_range */, "ffg"},
	{SYS_fcntl, "fii"},
	{SYS_flock, "fi"},
	{SYS_epoll_wait, "fbii"},
	{SYS_epoll_pwait, "fbiibs"},
	{SYS_epoll_pwait2, "fbibbs"},
	{SYS_rt_sigtimedwait, "bbbs"},
	{SYS_semtimedop, "ibib"},
	{SYS_io_getevents, "biibb"},
	{SYS_io_pgetevents, "biibbb"},
	{SYS_setuid, "i"},
	{SYS_setgid, "i"},
	{SYS_setreuid, "ii"},
	{SYS_setregid, "ii"},
	{SYS_setresuid, "iii"},
	{SYS_setresgid, "iii"},
	{SYS_setfsuid, "i"},
	{SYS_setfsgid, "i"},
	{SYS_setgroups, "sb"},
	{SYS_capset, "bb"},
	{SYS_prctl, "iiiii"},
	{SYS_bind, "fbs"},
	{SYS_connect, "fbs"},
	{SYS_execve, "pbb"},
	{SYS_execveat, "dpbbg"},
};

/* Makers of descriptors, memory and processes, more frequent than chance has them. */
static const struct shape helpful[] = {
	{SYS_open, "p000"},
	{SYS_openat, "dp00"},
	{SYS_read, "fbs"},
	{SYS_write, "fbs"},
	{SYS_lseek, "fii"},
	{SYS_close, "f"},
	{SYS_socket, "iii"},
	{SYS_socketpair, "iiib"},
	{SYS_pipe2, "bg"},
	{SYS_mmap, "bsiifi"},
	{SYS_sendmsg, "fbg"},
	{SYS_recvmsg, "fbg"},
	{SYS_kill, "PS"},
	{SYS_tkill, "PS"},
	{SYS_tgkill, "PPS"},
	{SYS_rt_sigaction, "SbbS"},
	{SYS_rt_sigprocmask, "ibbs"},
	{SYS_ptrace, "iPbb"},
	{SYS_process_vm_writev, "Pbsbsg"},
	{SYS_clone, "gb"},
	{SYS_vfork, ""},
	{SYS_fork, ""},
	{435 /* clone3 */, "bs"},
	{434 /* pidfd_open */, "Pi"},
	{SYS_seccomp, "iib"},
	{SYS_unshare, "g"},
	{SYS_exit, "i"},
	{SYS_setrlimit, "ib"},
	{SYS_prlimit64, "Pibb"},
};

/* What reaches beyond the job, or costs the machine more than this is worth. */
static const long excluded[] = {SYS_reboot,
				SYS_kexec_load,
				SYS_kexec_file_load,
				SYS_init_module,
				SYS_finit_module,
				SYS_delete_module,
				SYS_swapon,
				SYS_swapoff,
				SYS_mount,
				SYS_umount2,
				SYS_sethostname,
				SYS_setdomainname,
				SYS_iopl,
				SYS_ioperm,
				SYS_settimeofday,
				SYS_clock_settime,
				SYS_adjtimex,
				SYS_clock_adjtime,
				SYS_acct,
				SYS_quotactl,
				SYS_bpf,
				SYS_perf_event_open,
				SYS_userfaultfd,
				SYS_syslog,
				SYS_vhangup,
				SYS_sync,
				SYS_syncfs,
				SYS_setns,

				429 /* move_mount */,
				430 /* fsopen */,
				432 /* fsmount */,
				442 /* mount_setattr */,
				443 /* quotactl_fd */,
				424 /* pidfd_send_signal */,
				438 /* pidfd_getfd */,
				440 /* process_madvise */};

/* Calls whose argument `position` names a process: never one beside this job. */
static const struct {
	long number;
	int position;
} aimed[] = {{SYS_kill, 0},
	     {SYS_tkill, 0},
	     {SYS_tgkill, 0},
	     {SYS_tgkill, 1},
	     {SYS_rt_sigqueueinfo, 0},
	     {SYS_rt_tgsigqueueinfo, 0},
	     {SYS_rt_tgsigqueueinfo, 1},
	     {434 /* pidfd_open */, 0},
	     {SYS_prlimit64, 0},
	     {SYS_ptrace, 1},
	     {SYS_process_vm_writev, 0},
	     {SYS_process_vm_readv, 0},
	     {SYS_setpgid, 0},
	     {SYS_setpgid, 1},
	     {SYS_setpriority, 1},
	     {SYS_ioprio_set, 1},
	     {SYS_sched_setaffinity, 0},
	     {SYS_sched_setscheduler, 0},
	     {SYS_sched_setparam, 0},
	     {SYS_sched_setattr, 0},
	     {SYS_migrate_pages, 0},
	     {SYS_move_pages, 0}};

static bool is_ours(uint64_t pid)
{
	for (int i = 0; i < WORKERS; i++)
		if ((pid_t)pid > 1 && (pid_t)pid == roster->workers[i])
			return true;
	return (pid_t)pid == 0 || (pid_t)pid == getpid();
}

bool numbers_forbidden(struct call *call)
{
	long number = call->number & ~0x40000000L;

	for (size_t i = 0; i < sizeof(excluded) / sizeof(excluded[0]); i++)
		if (number == excluded[i])
			return true;
	for (size_t i = 0; i < sizeof(aimed) / sizeof(aimed[0]); i++)
		if (number == aimed[i].number &&
		    !is_ours(call->args[aimed[i].position]))
			return true;
	/* A signal of one's own choice to whomever, on input. */
	if (number == SYS_fcntl)
		return (int)call->args[1] == F_SETOWN ||
		       (int)call->args[1] == F_SETOWN_EX;
	if (number == SYS_ioctl)
		return (unsigned int)call->args[1] == FIOSETOWN ||
		       (unsigned int)call->args[1] == SIOCSPGRP;
	/* New networks are slow to make and to end. */
	if (number == SYS_unshare || number == SYS_clone)
		call->args[0] &= ~(uint64_t)CLONE_NEWNET;
	return false;
}

static void shaped(struct chance *chance, const struct shape *shape, struct call *call)
{
	call->number = shape->number;
	for (size_t i = 0; i < 6; i++)
		call->args[i] = 0;
	for (size_t i = 0; i < 6 && shape->kinds[i]; i++)
		call->args[i] = pools_argument(chance, shape->kinds[i]);
	if (chance_one_in(chance, 8)) /* the filter's sixth argument is anybody's */
		call->args[5] = chance_bits(chance);
}

static void anything(struct chance *chance, struct call *call)
{
	uint64_t choice = chance_below(chance, 16);

	call->number = (long)chance_below(chance, 480);
	if (choice == 0)
		call->number = (long)chance_below(chance, 4000);
	else if (choice == 1)
		call->number |= 0x40000000;
	else if (choice == 2)
		call->number = (long)chance_bits(chance);
	else if (choice == 3)
		call->number = -(long)chance_below(chance, 1100);
	for (size_t i = 0; i < 6; i++)
		call->args[i] =
			pools_argument(chance, "pdbsigf"[chance_below(chance, 7)]);
}

void numbers_draw(struct chance *chance, struct call *ret_call)
{
	uint64_t choice = chance_below(chance, 20);

	do {
		if (choice < 12)
			shaped(chance,
			       &traced[chance_below(chance, sizeof(traced) /
								    sizeof(traced[0]))],
			       ret_call);
		else if (choice < 16)
			shaped(chance,
			       &helpful[chance_below(
				       chance, sizeof(helpful) / sizeof(helpful[0]))],
			       ret_call);
		else
			anything(chance, ret_call);
	} while (numbers_forbidden(ret_call));
}
