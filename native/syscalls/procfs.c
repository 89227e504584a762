/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "syscalls/look.h"
#include "syscalls/procfs.h"

ssize_t procfs_path_of(int fd, char *ret_path, size_t size)
{
	char link[32];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, ret_path, size - 1);
	ret_path[len < 0 ? 0 : len] = '\0';
	return len;
}

const char *procfs_own_name(const struct tracee *tracee, const char *name, char *buffer,
			    size_t size)
{
	if (strcmp(name, "self") == 0)
		snprintf(buffer, size, "%d", tracee->process->tgid);
	else if (strcmp(name, "thread-self") == 0)
		snprintf(buffer, size, "%d/task/%d", tracee->process->tgid,
			 tracee->tid);
	else
		return name;
	return buffer;
}

/* The process of a directory of /proc, or the thread: "/proc/PID[/task/TID]...". */
static bool parse_owner(const char *path, pid_t *ret_tid)
{
	return sscanf(path, "/proc/%d/task/%d", ret_tid, ret_tid) > 0;
}

void procfs_note_magic(struct target *target, int dir, const char *name, char *ret_path,
		       size_t size)
{
	pid_t tgid = target->view.tracee->process->tgid;
	char path[64], own[64];
	ssize_t len = procfs_path_of(dir, path, sizeof(path));

	ret_path[0] = '\0';
	if (len < 3)
		return;
	snprintf(ret_path, size, "%s/%s", path, name);
	snprintf(own, sizeof(own), "/proc/%d", tgid);
	if (strcmp(path, own) == 0 && strcmp(name, "exe") == 0)
		target->own_exe = true;
	/* Threads may have descriptors of their own: /proc/PID/fd are the leader's. */
	if (strcmp(path + len - 3, "/fd") == 0 && parse_owner(path, &target->holder))
		sscanf(name, "%d", &target->descriptor);
}

static bool shows_paths(const char *name)
{
	static const char *const names[] = {"maps",   "smaps",	   "numa_maps",
					    "mounts", "mountinfo", "mountstats"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

void procfs_note_text(struct target *target, int dir, const char *name)
{
	bool is_number = name[strspn(name, "0123456789")] == '\0';
	char path[64];
	pid_t pid;

	if ((!is_number && !shows_paths(name)) ||
	    procfs_path_of(dir, path, sizeof(path)) < 0)
		return;
	if (!parse_owner(path, &pid) ||
	    (is_number && strcmp(strrchr(path, '/'), "/fdinfo") != 0))
		return;
	snprintf(target->proc_file, sizeof(target->proc_file), "%d/%s%.12s", pid,
		 is_number ? "fdinfo/" : "", name);
}

const struct node *procfs_node_of_map(const struct run *run, int dir, const char *name)
{
	char path[TARGET_PATH_SIZE];
	ssize_t len = readlinkat(dir, name, path, sizeof(path) - 1);
	const struct node *node;
	struct stat st;

	if (len < 0 || path[0] != '/')
		return NULL;
	path[len] = '\0';
	node = look_node(run, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			 &st);
	return node && node->kind == NODE_OBJECT ? node : NULL;
}
