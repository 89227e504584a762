/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One row for each call that stops: filter, dispatch and trace come from here. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "arch/numbers.h"
#include "exec/exec.h"
#include "syscalls/handlers.h"
#include "syscalls/rows.h"

#define ROW(call, handler, ...)                                        \
	{                                                              \
		.name = #call, .number = SYS_##call, .enter = handler, \
		.kinds = __VA_ARGS__                                   \
	}
/* One that the stub answers; in the end it is as ROW. */
#define ROW_FAST(call, handler, ...)                                           \
	{                                                                      \
		.name = #call, .number = SYS_##call, .stub = ROW_STUB_ANSWERS, \
		.enter = handler, .kinds = __VA_ARGS__                         \
	}
/* Of these the stub knows when there is nothing by that name. */
#define ROW_REFUSED(call, handler, ...)                                        \
	{                                                                      \
		.name = #call, .number = SYS_##call, .stub = ROW_STUB_REFUSES, \
		.enter = handler, .kinds = __VA_ARGS__                         \
	}
/* The stub looks at what the filter cannot see of it. */
#define ROW_LED(call, handler, ...)                                          \
	{                                                                    \
		.name = #call, .number = SYS_##call, .stub = ROW_STUB_LEADS, \
		.enter = handler, .kinds = __VA_ARGS__                       \
	}
#define ROW_MADE(call, handler, ...)                                         \
	{                                                                    \
		.name = #call, .number = SYS_##call, .stub = ROW_STUB_MAKES, \
		.enter = handler, .kinds = __VA_ARGS__                       \
	}
#define ROW_IF(call, handler, when, ...)                               \
	{                                                              \
		.name = #call, .number = SYS_##call, .enter = handler, \
		.only_if = when, .kinds = __VA_ARGS__                  \
	}

const struct syscall_row syscall_rows[] = {
	ROW_FAST(open, enter_open, PATH),
	ROW(creat, enter_creat, PATH),
	ROW_FAST(openat, enter_openat, AT),
	ROW_MADE(openat2, enter_openat2, AT),
	ROW(open_tree, enter_open_tree, AT),

	ROW_FAST(stat, enter_stat, PATH),
	ROW_FAST(lstat, enter_lstat, PATH),
	ROW_FAST(fstat, enter_fstat, NO_PATH),
	ROW_FAST(newfstatat, enter_newfstatat, AT),
	ROW_FAST(statx, enter_statx, AT),

	ROW_FAST(access, enter_access, PATH),
	ROW_FAST(faccessat, enter_faccessat, AT),
	ROW_FAST(faccessat2, enter_faccessat2, AT),

	ROW_FAST(readlink, enter_readlink, PATH),
	ROW_FAST(readlinkat, enter_readlinkat, AT),

	ROW_FAST(getcwd, enter_getcwd, NO_PATH),
	ROW(chdir, enter_chdir, PATH),
	ROW(fchdir, enter_fchdir, NO_PATH),

	ROW(getdents, enter_getdents, NO_PATH),
	ROW_FAST(getdents64, enter_getdents64, NO_PATH),

	ROW(statfs, enter_statfs, PATH),
	ROW(fstatfs, enter_fstatfs, NO_PATH),
	ROW(name_to_handle_at, enter_name_to_handle_at, AT),
	ROW(inotify_add_watch, enter_inotify_add_watch, {ARG_OTHER, ARG_PATH}),
	ROW(fanotify_mark, enter_fanotify_mark,
	    {ARG_OTHER, ARG_OTHER, ARG_OTHER, ARG_DIRFD, ARG_PATH}),
	ROW(mount, enter_mount, PATH_PATH),
	ROW(move_mount, enter_move_mount, AT_AT),
	ROW(umount2, enter_umount2, PATH),
	ROW(open_tree_attr, enter_open_tree_attr, AT),
	ROW(quotactl, enter_quotactl, {ARG_OTHER, ARG_PATH}),
	ROW(chroot, enter_chroot, PATH),
	ROW(pivot_root, enter_pivot_root, PATH_PATH),
	ROW(setns, enter_setns, NO_PATH),

	ROW_FAST(getxattr, enter_getxattr, PATH),
	ROW_FAST(lgetxattr, enter_lgetxattr, PATH),
	ROW(fgetxattr, enter_fgetxattr, NO_PATH),
	ROW_FAST(listxattr, enter_listxattr, PATH),
	ROW_FAST(llistxattr, enter_llistxattr, PATH),
	ROW(flistxattr, enter_flistxattr, NO_PATH),
	ROW(getxattrat, enter_getxattrat, AT),
	ROW(listxattrat, enter_listxattrat, AT),

	ROW_FAST(mkdir, enter_mkdir, PATH),
	ROW_FAST(mkdirat, enter_mkdirat, AT),
	ROW(mknod, enter_mknod, PATH),
	ROW(mknodat, enter_mknodat, AT),
	ROW_FAST(symlink, enter_symlink, {ARG_OTHER, ARG_PATH}),
	ROW_FAST(symlinkat, enter_symlinkat, {ARG_OTHER, ARG_DIRFD, ARG_PATH}),
	ROW_FAST(link, enter_link, PATH_PATH),
	ROW_FAST(linkat, enter_linkat, AT_AT),
	ROW_FAST(rename, enter_rename, PATH_PATH),
	ROW_FAST(renameat, enter_renameat, AT_AT),
	ROW_FAST(renameat2, enter_renameat2, AT_AT),
	ROW_FAST(unlink, enter_unlink, PATH),
	ROW_FAST(unlinkat, enter_unlinkat, AT),
	ROW_FAST(rmdir, enter_rmdir, PATH),

	ROW_FAST(chmod, enter_change_path, PATH),
	ROW_FAST(fchmod, enter_change_descriptor, NO_PATH),
	ROW_FAST(fchmodat, enter_change_at_follow, AT),
	ROW(fchmodat2, enter_change_at, AT),
	ROW_FAST(chown, enter_change_path, PATH),
	ROW_FAST(lchown, enter_change_link, PATH),
	ROW_FAST(fchown, enter_change_descriptor, NO_PATH),
	ROW_FAST(fchownat, enter_fchownat, AT),
	ROW(utime, enter_change_path, PATH),
	ROW(utimes, enter_change_path, PATH),
	ROW(futimesat, enter_futimesat, AT),
	ROW_FAST(utimensat, enter_utimensat, AT),
	ROW_FAST(truncate, enter_truncate, PATH),
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

	ROW_IF(clone, enter_clone, WHEN_UNTRACED, NO_PATH),
	ROW_LED(clone3, enter_clone3, NO_PATH),
	ROW_IF(prctl, enter_prctl, WHEN_DUMPABLE, NO_PATH),
	ROW(seccomp, enter_seccomp, NO_PATH),
	ROW(unshare, enter_unshare, NO_PATH),
	ROW_IF(ptrace, enter_ptrace, WHEN_TRACING, NO_PATH),

	ROW(bind, enter_bind, NO_PATH),
	ROW(connect, enter_connect, NO_PATH),

	ROW_IF(epoll_wait, enter_wait, WHEN_LIMITED_MS, NO_PATH),
	ROW_IF(epoll_pwait, enter_wait, WHEN_LIMITED_MS, NO_PATH),
	ROW_IF(epoll_pwait2, enter_wait, WHEN_LIMITED_3, NO_PATH),
	ROW_IF(rt_sigtimedwait, enter_wait, WHEN_LIMITED_2, NO_PATH),
	ROW_IF(semtimedop, enter_wait, WHEN_LIMITED_3, NO_PATH),
	ROW_IF(io_getevents, enter_wait, WHEN_LIMITED_4, NO_PATH),
	ROW_IF(io_pgetevents, enter_wait, WHEN_LIMITED_4, NO_PATH),

	ROW_REFUSED(execve, enter_execve, PATH),
	ROW_REFUSED(execveat, enter_execveat, AT),
};

const size_t syscall_row_count = sizeof(syscall_rows) / sizeof(syscall_rows[0]);
