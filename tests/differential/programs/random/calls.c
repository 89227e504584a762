/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls that a script can name; one that this machine has not is a step of none. */
#include "steps.h"

/* Numbers that Debian's headers are too old to know are the same everywhere. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

#define CALL(name)                                   \
	{                                            \
#name, SYS_##name, NULL, NULL, false \
	}
#define OPEN(name)                                  \
	{                                           \
#name, SYS_##name, NULL, NULL, true \
	}
#define SHOW(name, show)                             \
	{                                            \
#name, SYS_##name, show, NULL, false \
	}
#define DO(name, carry)                      \
	{                                    \
#name, 0, NULL, carry, false \
	}

static const struct call calls[] = {
#ifdef SYS_open
	OPEN(open),
	{"creat", SYS_creat, NULL, carry_creat, true},
	SHOW(stat, show_stat),
	SHOW(lstat, show_stat),
	CALL(access),
	SHOW(readlink, show_text),
	CALL(mkdir),
	CALL(mknod),
	CALL(symlink),
	CALL(link),
	CALL(rename),
	CALL(unlink),
	CALL(rmdir),
	CALL(chmod),
	CALL(chown),
	CALL(lchown),
	CALL(utimes),
	CALL(utime),
	CALL(futimesat),
	CALL(dup2),
#endif
	OPEN(openat),
	{"openat2", SYS_openat2, NULL, carry_openat2, true},
	SHOW(fstat, show_stat),
	SHOW(newfstatat, show_stat),
	SHOW(statx, show_statx),
	CALL(faccessat),
	CALL(faccessat2),
	SHOW(readlinkat, show_text),
	SHOW(getcwd, show_text),
	CALL(chdir),
	CALL(fchdir),
	CALL(mkdirat),
	CALL(mknodat),
	CALL(symlinkat),
	CALL(linkat),
	CALL(renameat2),
	CALL(unlinkat),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(fchmodat2),
	CALL(fchown),
	CALL(fchownat),
	CALL(utimensat),
	CALL(truncate),
	CALL(ftruncate),
	CALL(fallocate),
	SHOW(pread64, show_data),
	SHOW(read, show_data),
	CALL(write),
	CALL(pwrite64),
	CALL(flock),
	CALL(fsync),
	CALL(fcntl),
	CALL(close),
	OPEN(dup),
	CALL(dup3),
	SHOW(statfs, show_statfs),
	SHOW(fstatfs, show_statfs),
	SHOW(getxattr, show_data),
	SHOW(lgetxattr, show_data),
	SHOW(fgetxattr, show_data),
	SHOW(getxattrat, show_data),
	CALL(listxattr),
	CALL(llistxattr),
	CALL(flistxattr),
	CALL(listxattrat),
	CALL(setxattr),
	CALL(lsetxattr),
	CALL(fsetxattr),
	CALL(setxattrat),
	CALL(removexattr),
	CALL(lremovexattr),
	CALL(fremovexattr),
	CALL(removexattrat),
	OPEN(inotify_init1),
	CALL(inotify_add_watch),
	OPEN(socket),
	CALL(bind),
	CALL(connect),
	CALL(name_to_handle_at),
	CALL(getdents64),
	CALL(pivot_root),
	DO(list, carry_list),
	DO(execute, carry_execute),
	DO(seek, carry_seek),
	DO(child, carry_child),
};

const struct call *call_named(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	}
	return NULL;
}
