/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls about mounts and inodes, as somebody who may not mount. */
/* covers: mount umount2 open_tree open_tree_attr quotactl fanotify_mark */
/* covers: move_mount */
/* covers: file_getattr setns execveat chroot */
#include "probe.h"

#include <sched.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/quota.h>

/* Not in Debian 11's <sys/mount.h>, which does not go together with <linux/mount.h>. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#define MOVE_MOUNT_F_EMPTY_PATH 4
#define MOUNT_ATTR_NOSUID 2
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#endif

enum { EXECVE_CHECK = 0x10000, ATTRIBUTES = 24 };

static const char *const subjects[] = {"",	   "file", "dir",      "nested/second",
				       "link",	   "none", "file/x",   "fifo",
				       "link_abs", "loop", "dangling", "bin/show"};

static void mounting(const char *name, const char *path)
{
	say(CALL(mount, "/usr", path, NULL, MS_BIND, NULL), "mount on %s", name);
	say(CALL(mount, "/none", path, NULL, MS_REMOUNT, NULL), "remount %s", name);
	say(CALL(mount, path, host, NULL, MS_BIND, NULL), "mount %s elsewhere", name);
	say(CALL(mount, path, "/none", NULL, MS_BIND, NULL), "mount %s nowhere", name);
	say(CALL(umount2, path, 0), "umount %s", name);
	say(CALL(umount2, path, UMOUNT_NOFOLLOW), "umount nofollow %s", name);
	say(CALL(umount2, path, 1 << 20), "umount odd flags %s", name);
	say(CALL(move_mount, -1, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH),
	    "move nothing to %s", name);
	say(CALL(move_mount, AT_FDCWD, path, AT_FDCWD, host, 0), "move %s elsewhere",
	    name);
	say(CALL(quotactl, QCMD(Q_GETQUOTA, USRQUOTA), path, 0, NULL), "quota %s",
	    name);
	say(CALL(chroot, path), "chroot %s", name);
}

static void trees(const char *name, const char *path)
{
	/* struct mount_attr of Linux 5.12: to set, to clear, propagation, namespace. */
	const uint64_t attributes[] = {MOUNT_ATTR_NOSUID, 0, 0, 0};
	struct stat st;
	long fd = CALL(open_tree, AT_FDCWD, path, OPEN_TREE_CLOEXEC);

	if (fd >= 0)
		say_stat(fstat((int)fd, &st), &st, "tree %s", name);
	say_open(fd, "open_tree %s", name);
	say_open(CALL(open_tree, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW),
		 "open_tree nofollow %s", name);
	say_open(CALL(open_tree, AT_FDCWD, path, OPEN_TREE_CLONE), "clone %s", name);
	say_open(CALL(open_tree, AT_FDCWD, path, AT_RECURSIVE), "recursive %s", name);
	say_open(CALL(open_tree, AT_FDCWD, path, 1 << 30), "odd %s", name);
	say_open(
		CALL(open_tree_attr, AT_FDCWD, path, 0, attributes, sizeof(attributes)),
		"open_tree_attr %s", name);
}

static void inodes(const char *name, const char *path)
{
	int group =
		(int)CALL(fanotify_init, FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);
	unsigned char attributes[ATTRIBUTES];

	say(CALL(fanotify_mark, group, FAN_MARK_ADD, (uint64_t)FAN_OPEN, AT_FDCWD,
		 path),
	    "mark %s", name);
	say(CALL(fanotify_mark, group, FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW,
		 (uint64_t)FAN_OPEN, AT_FDCWD, path),
	    "mark nofollow %s", name);
	say(CALL(fanotify_mark, group, FAN_MARK_ADD | FAN_MARK_ONLYDIR,
		 (uint64_t)FAN_OPEN, AT_FDCWD, path),
	    "mark directory %s", name);
	say(CALL(fanotify_mark, group, FAN_MARK_ADD | FAN_MARK_MOUNT,
		 (uint64_t)FAN_OPEN, AT_FDCWD, path),
	    "mark mount %s", name);
	say(CALL(fanotify_mark, group, FAN_MARK_ADD, (uint64_t)0, AT_FDCWD, path),
	    "mark nothing %s", name);
	close(group);
	say(CALL(file_getattr, AT_FDCWD, path, attributes, ATTRIBUTES, 0),
	    "attributes %s", name);
	say(CALL(file_getattr, AT_FDCWD, path, attributes, ATTRIBUTES,
		 AT_SYMLINK_NOFOLLOW),
	    "attributes nofollow %s", name);
	say(CALL(file_getattr, AT_FDCWD, path, attributes, 1, 0), "attributes short %s",
	    name);
	say(CALL(file_getattr, AT_FDCWD, path, attributes, ATTRIBUTES, 1 << 30),
	    "attributes odd %s", name);
	say(CALL(file_getattr, AT_FDCWD, path, 8, ATTRIBUTES, 0), "attributes bad %s",
	    name);
}

static void executable(const char *name, const char *path)
{
	char *words[] = {"word", NULL};
	int fd = open(path, O_PATH | O_NOFOLLOW);

	say(CALL(execveat, AT_FDCWD, path, words, words + 1, EXECVE_CHECK),
	    "may execute %s", name);
	say(CALL(execveat, AT_FDCWD, path, words, words + 1,
		 EXECVE_CHECK | AT_SYMLINK_NOFOLLOW),
	    "may execute nofollow %s", name);
	say(CALL(execveat, fd, "", words, words + 1, EXECVE_CHECK | AT_EMPTY_PATH),
	    "may execute descriptor %s", name);
	close(fd);
}

static void namespaces(void)
{
	struct stat st;
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	say(setns(fd, CLONE_NEWNS), "setns");
	say(setns(fd, CLONE_NEWUTS), "setns of another kind");
	say(setns(-1, 0), "setns of nothing");
	say(stat(at_root("file"), &st), "stat afterwards");
	close(fd);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		mounting(subjects[i], at_root(subjects[i]));
		trees(subjects[i], at_root(subjects[i]));
		inodes(subjects[i], at_root(subjects[i]));
		executable(subjects[i], at_root(subjects[i]));
	}
	namespaces();
	return 0;
}
