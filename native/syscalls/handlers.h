/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One handler for each call, by family; table.c names them. */
#ifndef SYSCALLS_HANDLERS_H
#define SYSCALLS_HANDLERS_H

#include "find/target.h"
#include "syscalls/syscalls.h"

/* open.c */
HANDLER(enter_open);
HANDLER(enter_openat);
HANDLER(enter_openat2);
HANDLER(enter_creat);
HANDLER(enter_open_tree);
/* stat.c */
HANDLER(enter_stat);
HANDLER(enter_lstat);
HANDLER(enter_fstat);
HANDLER(enter_newfstatat);
HANDLER(enter_statx);
/* access.c */
HANDLER(enter_access);
HANDLER(enter_faccessat);
HANDLER(enter_faccessat2);
/* link.c */
HANDLER(enter_readlink);
HANDLER(enter_readlinkat);
/* cwd.c */
HANDLER(enter_getcwd);
HANDLER(enter_chdir);
HANDLER(enter_fchdir);
/* directory.c */
HANDLER(enter_getdents64);
HANDLER(enter_getdents);
/* statfs.c */
HANDLER(enter_statfs);
HANDLER(enter_fstatfs);
/* inode.c: calls about the inode behind a name */
HANDLER(enter_name_to_handle_at);
HANDLER(enter_inotify_add_watch);
HANDLER(enter_fanotify_mark);
HANDLER(enter_file_getattr);
/* mount.c */
HANDLER(enter_mount);
HANDLER(enter_move_mount);
HANDLER(enter_umount2);
HANDLER(enter_open_tree_attr);
HANDLER(enter_quotactl);
HANDLER(enter_chroot);
HANDLER(enter_pivot_root);
HANDLER(enter_setns);
/* xattr.c */
HANDLER(enter_getxattr);
HANDLER(enter_lgetxattr);
HANDLER(enter_fgetxattr);
HANDLER(enter_listxattr);
HANDLER(enter_llistxattr);
HANDLER(enter_flistxattr);
HANDLER(enter_getxattrat);
HANDLER(enter_listxattrat);
/* change.c: calls that make a new name */
HANDLER(enter_mkdir);
HANDLER(enter_mkdirat);
HANDLER(enter_mknod);
HANDLER(enter_mknodat);
HANDLER(enter_symlink);
HANDLER(enter_symlinkat);
HANDLER(enter_link);
HANDLER(enter_linkat);
HANDLER(enter_rename);
HANDLER(enter_renameat);
HANDLER(enter_renameat2);
/* change.c: calls that take a name away */
HANDLER(enter_unlink);
HANDLER(enter_unlinkat);
HANDLER(enter_rmdir);
/* attributes.c: calls that change what is there */
HANDLER(enter_change_path);	 /* (path, ...), links followed */
HANDLER(enter_change_link);	 /* (path, ...), links not followed */
HANDLER(enter_change_at);	 /* (dirfd, path, ..., flags in the 4th) */
HANDLER(enter_change_at_follow); /* (dirfd, path, ...), no flags */
HANDLER(enter_fchownat);	 /* flags in the 5th */
HANDLER(enter_utimensat);	 /* a NULL path means dirfd itself */
HANDLER(enter_futimesat);	 /* likewise */
HANDLER(enter_setxattrat);
HANDLER(enter_removexattrat);
HANDLER(enter_file_setattr); /* flags in the 5th */
HANDLER(enter_truncate);
HANDLER(enter_change_descriptor); /* (fd, ...) */
/* process.c */
HANDLER(enter_credentials);
/* locks.c */
HANDLER(enter_fcntl);
HANDLER(enter_flock);
/* process.c */
HANDLER(enter_clone);
HANDLER(enter_clone3);
HANDLER(enter_prctl);
HANDLER(enter_seccomp);
HANDLER(enter_unshare);
/* ptrace.c */
HANDLER(enter_ptrace);
/* socket.c */
HANDLER(enter_bind);
HANDLER(enter_connect);
/* waits.c */
HANDLER(enter_wait);
/* i386 alone: layouts and arguments that differ */
HANDLER(enter_oldstat_i386);
HANDLER(enter_oldlstat_i386);
HANDLER(enter_oldfstat_i386);
HANDLER(enter_stat_i386);
HANDLER(enter_lstat_i386);
HANDLER(enter_fstat_i386);
HANDLER(enter_stat64_i386);
HANDLER(enter_lstat64_i386);
HANDLER(enter_fstat64_i386);
HANDLER(enter_fstatat64_i386);
HANDLER(enter_statfs_i386);
HANDLER(enter_fstatfs_i386);
HANDLER(enter_statfs64_i386);
HANDLER(enter_fstatfs64_i386);
HANDLER(enter_getdents_i386);
HANDLER(enter_readdir);
HANDLER(enter_utimensat_i386);
HANDLER(enter_truncate_i386);
HANDLER(enter_truncate64_i386);
HANDLER(enter_socketcall);
HANDLER(enter_umount);
HANDLER(enter_fanotify_mark_i386);

/* Shared by families: nothing of ours can be mounted (mount.c). */
enum verdict refuse_mount(struct run *run, struct tracee *tracee, int dirfd_argument,
			  int path_argument, unsigned int flags);

#endif
