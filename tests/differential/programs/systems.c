/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is about the mount as a whole, about who asks, and about processes. */
/* covers: pivot_root statfs fstatfs inotify_add_watch chroot prctl clone bind seccomp
 */
/* covers: connect setuid setgid setreuid setregid setresuid setresgid setfsuid */
/* covers: setfsgid setgroups getxattr lgetxattr fgetxattr listxattr llistxattr */
/* covers: flistxattr getxattrat listxattrat */
#include "probe.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/un.h>

static void file_systems(void)
{
	static const char *const subjects[] = {
		"",	"file", "dir",	  "nested/second", "link", "link_abs",
		"fifo", "none", "file/x", "loop",	   "..",   "dangling"};
	struct statfs fs;

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const char *path = at_root(subjects[i]);
		int fd = open(path, O_PATH);

		if (say(CALL(statfs, path, &fs), "statfs %s", subjects[i]) == 0)
			printf("  flags %lx name %ld\n",
			       (unsigned long)fs.f_flags & 0xf, (long)fs.f_namelen);
		if (say(CALL(fstatfs, fd, &fs), "fstatfs %s", subjects[i]) == 0)
			printf("  flags %lx\n", (unsigned long)fs.f_flags & 0xf);
		close(fd);
	}
}

static void watches(void)
{
	static const char *const subjects[] = {"",	 "file",     "dir",
					       "nested", "link",     "none",
					       "fifo",	 "dangling", "file/x"};
	int watcher = inotify_init1(IN_NONBLOCK);
	struct pollfd waiting = {watcher, POLLIN, 0};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const char *path = at_root(subjects[i]);

		say(inotify_add_watch(watcher, path, IN_MODIFY | IN_CREATE) > 0,
		    "watch %s", subjects[i]);
		say(inotify_add_watch(watcher, path, IN_MODIFY | IN_DONT_FOLLOW) > 0,
		    "watch nofollow %s", subjects[i]);
		say(inotify_add_watch(watcher, path, IN_MODIFY | IN_ONLYDIR) > 0,
		    "watch directory %s", subjects[i]);
		say(CALL(inotify_add_watch, watcher, path, 0), "watch nothing %s",
		    subjects[i]);
	}
	close(open(at_root("file"), O_RDONLY));
	say(poll(&waiting, 1, 0), "events");
	say(inotify_add_watch(900, root, IN_MODIFY), "closed watcher");
}

static void locks(void)
{
	struct flock lock = {.l_type = F_RDLCK};
	int fd = must_open(at_root("file"), O_RDONLY);

	say(flock(fd, LOCK_SH), "flock shared");
	say(flock(fd, LOCK_EX | LOCK_NB), "flock exclusive");
	say(fcntl(fd, F_SETLK, &lock), "lock to read");
	lock.l_type = F_WRLCK;
	say(fcntl(fd, F_SETLK, &lock), "lock to write");
	say(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), "fadvise");
	say(syncfs(fd), "syncfs");
}

/* Permission follows who the process is now. */
static void who_asks(void)
{
	static const char *const subjects[] = {"mode_0600", "owned", "mode_0640",
					       "dir_0700/file", "dir_0711/file"};
	gid_t group = 2345;

	for (int step = 0; step < 9; step++) {
		switch (step) {
		case 1:
			CALL(setgroups, 1, &group);
			break;
		case 2:
			CALL(setfsuid, 1234);
			break;
		case 3:
			CALL(setfsgid, 2345);
			break;
		case 4:
			CALL(setregid, 55, 55);
			break;
		case 5:
			CALL(setresgid, -1, 2345, -1);
			break;
		case 6:
			CALL(setreuid, -1, 1234);
			break;
		case 7:
			CALL(setresuid, -1, 0, -1);
			break;
		case 8:
			CALL(setgid, 77);
			CALL(setuid, 77);
			break;
		default:
			break;
		}
		for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
			const char *path = at_root(subjects[i]);

			say_open(open(path, O_RDONLY), "step %d open %s", step,
				 subjects[i]);
			say(access(path, R_OK), "step %d access %s", step, subjects[i]);
			say(faccessat(AT_FDCWD, path, R_OK, AT_EACCESS),
			    "step %d effective %s", step, subjects[i]);
		}
	}
}

static int untraced_child(void *path)
{
	struct stat st;

	return stat(path, &st) < 0;
}

static void processes(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	char path[256], comm[16] = "";
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/file", root);
	say(prctl(PR_SET_DUMPABLE, 0), "not dumpable");
	say(access(path, R_OK), "access then");
	say(prctl(PR_SET_DUMPABLE, 1), "dumpable");
	prctl(PR_SET_NAME, "named");
	prctl(PR_GET_NAME, comm);
	printf("comm %s\n", comm);
	pid = clone(untraced_child, stack + sizeof(stack), CLONE_UNTRACED | SIGCHLD,
		    path);
	waitpid(pid, &status, __WALL);
	say(status, "untraced child");
	say(chroot(path), "chroot to a file");
	say(chroot(at_root("none")), "chroot to none");
	say(CALL(pivot_root, at_root("none"), at_root("none")), "pivot_root to none");
}

static void sockets(void)
{
	static const char *const subjects[] = {"/file", "/socket", "/none", "/file/x"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", root,
			 subjects[i]);
		say(bind(fd, (void *)&address, sizeof(address)), "bind %s",
		    subjects[i]);
		say(connect(fd, (void *)&address, sizeof(address)), "connect %s",
		    subjects[i]);
		close(fd);
	}
}

static void attributes(void)
{
	const char *file = at_root("file"), *link = at_root("dangling");
	int fd = must_open(file, O_RDONLY), dir = must_open(root, O_RDONLY);
	char value[64];
	struct {
		uint64_t value;
		uint32_t size, flags;
	} wanted = {(uint64_t)(uintptr_t)value, sizeof(value), 0};

	say(CALL(getxattr, file, "user.none", value, 64), "getxattr");
	say(CALL(lgetxattr, link, "user.none", value, 64), "lgetxattr");
	say(CALL(fgetxattr, fd, "user.none", value, 64), "fgetxattr");
	say(CALL(listxattr, file, value, 64), "listxattr");
	say(CALL(llistxattr, link, value, 64), "llistxattr");
	say(CALL(flistxattr, fd, value, 64), "flistxattr");
	say(syscall(464, dir, "file", 0, "user.none", &wanted, sizeof(wanted)),
	    "getxattrat");
	say(syscall(465, dir, "file", 0, value, sizeof(value)), "listxattrat");
	say(CALL(getxattr, at_root("none"), "user.none", value, 64),
	    "getxattr of none");
	say(CALL(getxattr, file, "", value, 64), "getxattr without a name");
}

/* The host's root shows cvmfs once. */
static void root_listing(void)
{
	DIR *dir = opendir("/");
	struct dirent *entry;
	int found = 0;

	while ((entry = readdir(dir)))
		found += strcmp(entry->d_name, "cvmfs") == 0;
	printf("cvmfs in /: %d\n", found);
	closedir(dir);
}

/* A filter of the program's own is asked about calls that the program makes, and about
 * no others: openat2 would end it. */
static void own_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	struct stat st;

	for (int i = 0; i < 40; i++)
		stat("/etc/passwd", &st);
	say(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
	say(CALL(seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
	say(stat(at_root("file"), &st), "stat");
	say(stat(at_root("none"), &st), "stat of none");
	say(stat("/nowhere", &st), "stat of a name of the host");
	say_open(open(at_root("file"), O_RDONLY), "open");
	say_open(open("/etc/passwd", O_RDONLY), "open a file of the host");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("file systems", file_systems);
	in_child("watches", watches);
	in_child("locks", locks);
	in_child("processes", processes);
	in_child("sockets", sockets);
	in_child("attributes", attributes);
	in_child("root listing", root_listing);
	in_child("own filter", own_filter);
	if (geteuid() == 0)
		in_child("who asks", who_asks);
	return 0;
}
