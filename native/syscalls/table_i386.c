/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of i386 programs on x86_64, and of `int $0x80`: a handler of the other table
 * where the arguments agree. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "exec/exec.h"
#include "syscalls/handlers.h"
#include "syscalls/numbers_i386.h"
#include "syscalls/rows.h"

#define ROW(call, handler, ...)                                         \
	{                                                               \
		.name = #call, .number = I386_##call, .enter = handler, \
		.kinds = __VA_ARGS__                                    \
	}
#define ROW_IF(call, handler, when, ...)                                \
	{                                                               \
		.name = #call, .number = I386_##call, .enter = handler, \
		.only_if = when, .kinds = __VA_ARGS__                   \
	}

/* socketcall(): bind and connect. */
#define WHEN_NAMED                                                                \
	{                                                                         \
		.argument = 0, .count = 2, .mask = 0xffffffff, .values = { 2, 3 } \
	}

#define WHEN_SEMTIMEDOP                                                    \
	{                                                                  \
		.argument = 0, .count = 1, .mask = 0xffff, .values = { 4 } \
	}

const struct syscall_row syscall_rows_i386[] = {
	ROW(open, enter_open, PATH),
	ROW(creat, enter_creat, PATH),
	ROW(openat, enter_openat, AT),
	ROW(openat2, enter_openat2, AT),
	ROW(open_tree, enter_open_tree, AT),

	ROW(oldstat, enter_oldstat_i386, PATH),
	ROW(oldlstat, enter_oldlstat_i386, PATH),
	ROW(oldfstat, enter_oldfstat_i386, NO_PATH),
	ROW(stat, enter_stat_i386, PATH),
	ROW(lstat, enter_lstat_i386, PATH),
	ROW(fstat, enter_fstat_i386, NO_PATH),
	ROW(stat64, enter_stat64_i386, PATH),
	ROW(lstat64, enter_lstat64_i386, PATH),
	ROW(fstat64, enter_fstat64_i386, NO_PATH),
	ROW(fstatat64, enter_fstatat64_i386, AT),
	ROW(statx, enter_statx, AT),

	ROW(access, enter_access, PATH),
	ROW(faccessat, enter_faccessat, AT),
	ROW(faccessat2, enter_faccessat2, AT),

	ROW(readlink, enter_readlink, PATH),
	ROW(readlinkat, enter_readlinkat, AT),

	ROW(getcwd, enter_getcwd, NO_PATH),
	ROW(chdir, enter_chdir, PATH),
	ROW(fchdir, enter_fchdir, NO_PATH),

	ROW(readdir, enter_readdir, NO_PATH),
	ROW(getdents, enter_getdents_i386, NO_PATH),
	ROW(getdents64, enter_getdents64, NO_PATH),

	ROW(statfs, enter_statfs_i386, PATH),
	ROW(fstatfs, enter_fstatfs_i386, NO_PATH),
	ROW(statfs64, enter_statfs64_i386, PATH),
	ROW(fstatfs64, enter_fstatfs64_i386, NO_PATH),
	ROW(name_to_handle_at, enter_name_to_handle_at, AT),
	ROW(inotify_add_watch, enter_inotify_add_watch, {ARG_OTHER, ARG_PATH}),
	ROW(fanotify_mark, enter_fanotify_mark_i386,
	    {ARG_OTHER, ARG_OTHER, ARG_OTHER, ARG_OTHER, ARG_DIRFD, ARG_PATH}),
	ROW(mount, enter_mount, PATH_PATH),
	ROW(move_mount, enter_move_mount, AT_AT),
	ROW(umount, enter_umount, PATH),
	ROW(umount2, enter_umount2, PATH),
	ROW(open_tree_attr, enter_open_tree_attr, AT),
	ROW(quotactl, enter_quotactl, {ARG_OTHER, ARG_PATH}),
	ROW(chroot, enter_chroot, PATH),
	ROW(pivot_root, enter_pivot_root, PATH_PATH),
	ROW(setns, enter_setns, NO_PATH),

	ROW(getxattr, enter_getxattr, PATH),
	ROW(lgetxattr, enter_lgetxattr, PATH),
	ROW(fgetxattr, enter_fgetxattr, NO_PATH),
	ROW(listxattr, enter_listxattr, PATH),
	ROW(llistxattr, enter_llistxattr, PATH),
	ROW(flistxattr, enter_flistxattr, NO_PATH),
	ROW(getxattrat, enter_getxattrat, AT),
	ROW(listxattrat, enter_listxattrat, AT),

	ROW(mkdir, enter_mkdir, PATH),
	ROW(mkdirat, enter_mkdirat, AT),
	ROW(mknod, enter_mknod, PATH),
	ROW(mknodat, enter_mknodat, AT),
	ROW(symlink, enter_symlink, {ARG_OTHER, ARG_PATH}),
	ROW(symlinkat, enter_symlinkat, {ARG_OTHER, ARG_DIRFD, ARG_PATH}),
	ROW(link, enter_link, PATH_PATH),
	ROW(linkat, enter_linkat, AT_AT),
	ROW(rename, enter_rename, PATH_PATH),
	ROW(renameat, enter_renameat, AT_AT),
	ROW(renameat2, enter_renameat2, AT_AT),
	ROW(unlink, enter_unlink, PATH),
	ROW(unlinkat, enter_unlinkat, AT),
	ROW(rmdir, enter_rmdir, PATH),

	ROW(chmod, enter_change_path, PATH),
	ROW(fchmod, enter_change_descriptor, NO_PATH),
	ROW(fchmodat, enter_change_at_follow, AT),
	ROW(fchmodat2, enter_change_at, AT),
	ROW(chown, enter_change_path, PATH),
	ROW(lchown, enter_change_link, PATH),
	ROW(fchown, enter_change_descriptor, NO_PATH),
	ROW(chown32, enter_change_path, PATH),
	ROW(lchown32, enter_change_link, PATH),
	ROW(fchown32, enter_change_descriptor, NO_PATH),
	ROW(fchownat, enter_fchownat, AT),
	ROW(utime, enter_change_path, PATH),
	ROW(utimes, enter_change_path, PATH),
	ROW(futimesat, enter_futimesat, AT),
	ROW(utimensat, enter_utimensat_i386, AT),
	ROW(utimensat_time64, enter_utimensat, AT),
	ROW(truncate, enter_truncate_i386, PATH),
	ROW(truncate64, enter_truncate64_i386, PATH),
	ROW(setxattr, enter_change_path, PATH),
	ROW(lsetxattr, enter_change_link, PATH),
	ROW(fsetxattr, enter_change_descriptor, NO_PATH),
	ROW(setxattrat, enter_setxattrat, AT),
	ROW(removexattr, enter_change_path, PATH),
	ROW(lremovexattr, enter_change_link, PATH),
	ROW(fremovexattr, enter_change_descriptor, NO_PATH),
	ROW(removexattrat, enter_removexattrat, AT),
	ROW(file_getattr, enter_file_getattr, AT),
	ROW(file_setattr, enter_file_setattr, AT),
	ROW_IF(ioctl, enter_change_descriptor, WHEN_ATTRIBUTES, NO_PATH),

	ROW_IF(fcntl, enter_fcntl, WHEN_FCNTL, NO_PATH),
	ROW_IF(fcntl64, enter_fcntl, WHEN_FCNTL, NO_PATH),
	ROW_IF(flock, enter_flock, WHEN_OURS, NO_PATH),

	ROW(setuid, enter_credentials, NO_PATH),
	ROW(setgid, enter_credentials, NO_PATH),
	ROW(setreuid, enter_credentials, NO_PATH),
	ROW(setregid, enter_credentials, NO_PATH),
	ROW(setresuid, enter_credentials, NO_PATH),
	ROW(setresgid, enter_credentials, NO_PATH),
	ROW(setfsuid, enter_credentials, NO_PATH),
	ROW(setfsgid, enter_credentials, NO_PATH),
	ROW(setgroups, enter_credentials, NO_PATH),
	ROW(capset, enter_credentials, NO_PATH),
	ROW(setuid32, enter_credentials, NO_PATH),
	ROW(setgid32, enter_credentials, NO_PATH),
	ROW(setreuid32, enter_credentials, NO_PATH),
	ROW(setregid32, enter_credentials, NO_PATH),
	ROW(setresuid32, enter_credentials, NO_PATH),
	ROW(setresgid32, enter_credentials, NO_PATH),
	ROW(setfsuid32, enter_credentials, NO_PATH),
	ROW(setfsgid32, enter_credentials, NO_PATH),
	ROW(setgroups32, enter_credentials, NO_PATH),

	ROW_IF(clone, enter_clone, WHEN_UNTRACED, NO_PATH),
	ROW(clone3, enter_clone3, NO_PATH),
	ROW_IF(prctl, enter_prctl, WHEN_DUMPABLE, NO_PATH),
	ROW(unshare, enter_unshare, NO_PATH),
	ROW_IF(ptrace, enter_ptrace, WHEN_TRACING, NO_PATH),

	ROW_IF(socketcall, enter_socketcall, WHEN_NAMED, NO_PATH),
	ROW(bind, enter_bind, NO_PATH),
	ROW(connect, enter_connect, NO_PATH),

	ROW_IF(epoll_wait, enter_wait, WHEN_LIMITED_MS, NO_PATH),
	ROW_IF(epoll_pwait, enter_wait, WHEN_LIMITED_MS, NO_PATH),
	ROW_IF(epoll_pwait2, enter_wait, WHEN_LIMITED_3, NO_PATH),
	ROW_IF(rt_sigtimedwait, enter_wait, WHEN_LIMITED_2, NO_PATH),
	ROW_IF(rt_sigtimedwait_time64, enter_wait, WHEN_LIMITED_2, NO_PATH),
	ROW_IF(ipc, enter_wait, WHEN_SEMTIMEDOP, NO_PATH),
	ROW_IF(semtimedop_time64, enter_wait, WHEN_LIMITED_3, NO_PATH),
	ROW_IF(io_getevents, enter_wait, WHEN_LIMITED_4, NO_PATH),
	ROW_IF(io_pgetevents, enter_wait, WHEN_LIMITED_4, NO_PATH),
	ROW_IF(io_pgetevents_time64, enter_wait, WHEN_LIMITED_4, NO_PATH),

	ROW(execve, enter_execve, PATH),
	ROW(execveat, enter_execveat, AT),
};

const size_t syscall_row_count_i386 =
	sizeof(syscall_rows_i386) / sizeof(syscall_rows_i386[0]);
