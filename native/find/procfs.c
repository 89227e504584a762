/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/footing.h"
#include "find/look.h"
#include "find/pidspace.h"
#include "run/scratch.h"

enum { PROC_ROOT_INO = 1 };

ssize_t procfs_path_of(int fd, char *ret_path, size_t size)
{
	char link[32];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, ret_path, size - 1);
	ret_path[len < 0 ? 0 : len] = '\0';
	return len;
}

ssize_t procfs_path_for(const struct run *run, struct tracee *tracee, int fd,
			char ret_path[TARGET_PATH_SIZE])
{
	ssize_t len = procfs_path_of(fd, ret_path, TARGET_PATH_SIZE), skipped;
	char top[TARGET_PATH_SIZE];
	int root;

	if (len < 0 || !footing_of(run, tracee)->other_mounts)
		return len;
	root = footing_root(run, tracee);
	skipped = root < 0 ? -1 : procfs_path_of(root, top, sizeof(top));
	if (root >= 0)
		close(root);
	/* Of a mount that shows the root's directory at some other place. */
	if (skipped <= 1 || strncmp(ret_path, top, (size_t)skipped) != 0 ||
	    (ret_path[skipped] && ret_path[skipped] != '/'))
		return len;
	len -= skipped;
	memmove(ret_path, ret_path + skipped, (size_t)len + 1);
	return len ? len : snprintf(ret_path, TARGET_PATH_SIZE, "/");
}

static bool is_number(const char *name, size_t len)
{
	return len && strspn(name, "0123456789") >= len;
}

/* Takes the last name off `path`. */
static const char *last_name(const char *path, size_t *length, size_t *ret_len)
{
	size_t end = *length, start;

	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/'; start--)
		;
	*length = start;
	*ret_len = end - start;
	return path + start;
}

/* A directory of a process or thread, "PID" or "PID/task/TID", or one that lies in it,
 * wherever this /proc is mounted. */
struct owned_directory {
	char path[TARGET_PATH_SIZE];
	const char *inside; /* its name there; "": the directory itself */
	pid_t number;	    /* of the process or thread, in this /proc */
};

static bool read_owned(struct owned_directory *owned, int dir)
{
	ssize_t whole = procfs_path_of(dir, owned->path, sizeof(owned->path));
	size_t left = whole < 0 ? 0 : (size_t)whole, len;
	const char *name = last_name(owned->path, &left, &len);
	struct stat st;

	if (look_stat(dir, &st) < 0 || st.st_ino == PROC_ROOT_INO)
		return false;
	owned->inside = "";
	if (!is_number(name, len)) {
		owned->inside = name;
		name = last_name(owned->path, &left, &len);
	}
	if (!is_number(name, len))
		return false;
	return sscanf(name, "%d", &owned->number) == 1;
}

/* Which thread that is in our own numbers; 0: none of this run. */
static pid_t owner_of(const struct run *run, const struct owned_directory *owned,
		      int dir)
{
	struct stat st;

	if (look_stat(dir, &st) < 0 || st.st_dev == run->machine.proc_dev)
		return owned->number;
	return pidspace_find(run, dir, owned->inside[0] ? "../" : "");
}

const char *procfs_own_name(const struct target *target, int dir, const char *name,
			    char *buffer, size_t size)
{
	const struct tracee *tracee = target->call.tracee;
	struct pidspace_numbers own = {tracee->process->tgid, tracee->tid};
	struct stat st;

	if (look_stat(dir, &st) == 0 &&
	    st.st_dev != target->call.run->machine.proc_dev &&
	    !pidspace_numbers_in(dir, tracee, &own))
		return name;
	if (strcmp(name, "self") == 0)
		snprintf(buffer, size, "%d", own.tgid);
	else
		snprintf(buffer, size, "%d/task/%d", own.tgid, own.tid);
	return buffer;
}

void procfs_note_magic(struct target *target, int dir, const char *name,
		       char ret_path[TARGET_PATH_SIZE])
{
	const struct call *call = &target->call;
	const struct tracee *owner;
	struct owned_directory owned;
	pid_t tid;

	ret_path[0] = '\0';
	if (!read_owned(&owned, dir))
		return;
	if (procfs_path_for(call->run, call->tracee, dir, ret_path) > 0)
		snprintf(ret_path + strlen(ret_path),
			 TARGET_PATH_SIZE - strlen(ret_path), "/%s", name);
	tid = owner_of(call->run, &owned, dir);
	owner = tracees_find(call->run->tracees, tid);
	if (!owned.inside[0] && strcmp(name, "exe") == 0 && owner)
		target->said = owner->process->exe;
	/* Threads may have descriptors of their own: /proc/PID/fd are the leader's. */
	if (strcmp(owned.inside, "fd") == 0) {
		target->holder = tid;
		sscanf(name, "%d", &target->descriptor);
	}
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
	bool numbered = is_number(name, strlen(name));
	struct owned_directory owned;
	pid_t pid;

	if ((!numbered && !shows_paths(name)) || !read_owned(&owned, dir) ||
	    strcmp(owned.inside, numbered ? "fdinfo" : "") != 0)
		return;
	pid = owner_of(target->call.run, &owned, dir);
	if (!pid)
		return;
	if (procfs_path_for(target->call.run, target->call.tracee, dir,
			    target->elsewhere) > 0)
		snprintf(target->elsewhere + strlen(target->elsewhere),
			 sizeof(target->elsewhere) - strlen(target->elsewhere), "/%s",
			 name);
	snprintf(target->proc_file, sizeof(target->proc_file), "%d/%s%.12s", pid,
		 numbered ? "fdinfo/" : "", name);
}

int procfs_stat_of_map(struct call *call, int dir, const char *name,
		       char path[TARGET_PATH_SIZE], struct stat *ret_stat)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
	char own[SCRATCH_OWN_SIZE];
	ssize_t len = readlinkat(dir, name, path, TARGET_PATH_SIZE - 1);
	int fd;
	bool found;

	if (len < 0 || path[0] != '/')
		return 0;
	path[len] = '\0';
	/* Of a scratch, whatever somebody may have mounted there. */
	if (scratch_own(&call->run->scratch, path, own) != path ||
	    scratch_own(call->run->memory, path, own) != path)
		return look_known(AT_FDCWD, own, flags, ret_stat) == 0;
	fd = look_open(call, AT_FDCWD, path, O_NOFOLLOW, 0);
	if (fd < 0)
		return fd == LOOK_WAITS ? fd : 0;
	found = look_stat(fd, ret_stat) == 0;
	close(fd);
	return found;
}
