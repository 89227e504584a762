/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pen PLACE UID COMMAND...: COMMAND among processes of its own, where only directories
 * of PLACE can be written, as user UID (0: oneself) who can gain nothing, in a small
 * PLACE/room, and cannot close PLACE itself to everybody by a name like "../..". Ends
 * when all have ended: with COMMAND's status (128 + its signal), 77 if this machine
 * gives no such place, or 76 if a process is still there half a minute after COMMAND.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/numbers.h"

enum { LEFT = 76, NO_PEN = 77, PATIENCE_MS = 30000 };

int mount(const char *, const char *, const char *, unsigned long, const void *);

static void need(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "pen: %s: %s\n", what, strerror(errno));
	_exit(NO_PEN);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	need(fd, path);
	need((int)write(fd, text, strlen(text)), path);
	close(fd);
}

static void enter(uid_t uid, gid_t gid)
{
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	char map[64];

	if (uid == 0) {
		need(unshare(flags), "unshare");
		return;
	}
	need(unshare(flags | CLONE_NEWUSER), "unshare");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	write_file("/proc/self/gid_map", map);
}

static void set_read_only(const char *path, bool recursive, bool on)
{
	struct mount_attr attr = {0};

	*(on ? &attr.attr_set : &attr.attr_clr) = MOUNT_ATTR_RDONLY;
	need((int)syscall(SYS_mount_setattr, AT_FDCWD, path,
			  recursive ? AT_RECURSIVE : 0, &attr, sizeof(attr)),
	     "mount_setattr");
}

static void furnish(const char *place, uid_t uid)
{
	static const char *const rooms[] = {"cache", "scratch", "home"};
	enum { ROOMS = sizeof(rooms) / sizeof(rooms[0]) };

	need(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
	need(chdir(place), place);
	if (mkdir("room", 0777) < 0 && errno != EEXIST)
		need(-1, "room");
	for (int i = 0; i < ROOMS; i++) {
		if (mkdir(rooms[i], 0755) < 0 && errno != EEXIST)
			need(-1, rooms[i]);
		need(uid ? chown(rooms[i], uid, uid) : 0, rooms[i]);
		need(mount(rooms[i], rooms[i], NULL, MS_BIND, NULL), rooms[i]);
	}
	set_read_only("/", true, true);
	for (int i = 0; i < ROOMS; i++)
		set_read_only(rooms[i], false, false);
	need(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL),
	     "/proc");
	need(mount("none", "room", "tmpfs", MS_NOSUID | MS_NODEV,
		   "size=64m,nr_inodes=10000,mode=1777"),
	     "room");
	need(chdir("room"), "room");
}

static void become(uid_t uid)
{
	if (uid) {
		need(setgroups(0, NULL), "setgroups");
		need(setresgid(uid, uid, uid), "setresgid");
		need(setresuid(uid, uid, uid), "setresuid");
	}
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
}

static int shown(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The first process of the namespace: no signal from inside ends it. */
static int watch(pid_t command)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int status, result = -1, waited = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, result < 0 ? 0 : WNOHANG)) >= 0 ||
	       errno != ECHILD) {
		if (pid == command)
			result = shown(status);
		if (pid > 0)
			continue;
		if (waited > PATIENCE_MS)
			break;
		waited += 5;
		nanosleep(&pause, NULL);
	}
	if (kill(-1, 0) < 0 && errno == ESRCH)
		return result;
	fprintf(stderr, "pen: processes were left\n");
	if (system("ps -eo pid,ppid,stat,wchan,args >&2") != 0)
		return LEFT;
	return LEFT;
}

int main(int argc, char **argv)
{
	uid_t me = geteuid(), uid;
	gid_t group = getegid();
	int status;
	pid_t pid;

	if (argc < 4)
		return NO_PEN;
	enter(me, group);
	pid = fork();
	need(pid, "fork");
	if (pid) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return shown(status);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	uid = me ? 0 : (uid_t)atoi(argv[2]);
	furnish(argv[1], uid);
	pid = fork();
	need(pid, "fork");
	if (pid)
		return watch(pid);
	become(uid);
	execvp(argv[3], argv + 3);
	need(-1, argv[3]);
}
