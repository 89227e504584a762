/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors: fstat equals stat, through dup, fork and exec, for equal contents too;
 * links of /proc that lead to them. */
/* covers: fstat newfstatat dup dup2 dup3 fcntl readlink open faccessat2 */
/* covers: unshare close_range */
#include "probe.h"

#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

static const char *const subjects[] = {
	"file",	  "twin_a",	     "twin_b",	   "file_hard", "size_0",  "dir",
	"nested", "nested/second",   "fifo",	   "",		"chunked", "mode_0000",
	"owned",  "names/new\nline", "nested/file"};
enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };

static void compare(int fd, const char *name, const char *how)
{
	struct stat by_fd, by_path, by_empty;
	int result = fstat(fd, &by_fd);

	stat(at_root(name), &by_path);
	say_stat(result, &by_fd, "%s fstat %s", how, shown(name));
	printf("  same inode %d same device %d same blocks %d same size %d\n",
	       by_fd.st_ino == by_path.st_ino, by_fd.st_dev == by_path.st_dev,
	       by_fd.st_blocks == by_path.st_blocks, by_fd.st_size == by_path.st_size);
	result = (int)CALL(newfstatat, fd, "", &by_empty, AT_EMPTY_PATH);
	say_stat(result, &by_empty, "%s newfstatat empty %s", how, shown(name));
	printf("  same inode %d\n", by_empty.st_ino == by_path.st_ino);
	say(CALL(faccessat2, fd, "", R_OK, AT_EMPTY_PATH), "%s access %s", how,
	    shown(name));
}

static void links(int fd, const char *name, const char *how)
{
	static const char *const forms[] = {
		"/proc/self/fd/%d", "/dev/fd/%d", "/proc/thread-self/fd/%d",
		"/proc/self/../self/fd/%d", "/proc/%2$d/fd/%1$d"};
	char path[64], text[4096];
	struct stat st;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		ssize_t len;

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), forms[i], fd, (int)getpid());
		len = readlink(path, text, sizeof(text));
		if (len >= 0)
			say_bytes(text, (size_t)len, "%s %zu leads of %s", how, i,
				  shown(name));
		else
			say(-1, "%s %zu leads of %s", how, i, shown(name));
		say_stat(stat(path, &st), &st, "%s %zu stat of %s", how, i,
			 shown(name));
		printf("  link %d\n", lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
		say_open(open(path, O_RDONLY | O_NONBLOCK), "%s %zu open of %s", how, i,
			 shown(name));
		say_open(open(path, O_PATH | O_NOFOLLOW), "%s %zu open link of %s", how,
			 i, shown(name));
		say_open(open(path, O_RDONLY | O_NOFOLLOW), "%s %zu nofollow of %s",
			 how, i, shown(name));
		say(access(path, R_OK), "%s %zu access of %s", how, i, shown(name));
	}
}

static void copies(void)
{
	for (size_t i = 0; i < SUBJECTS; i++) {
		int fd = must_open(at_root(subjects[i]), O_RDONLY | O_NONBLOCK);
		int path_fd = must_open(at_root(subjects[i]), O_PATH);
		int copy = dup(fd), other = (int)CALL(dup2, fd, 700);
		int third = (int)CALL(dup3, fd, 701, O_CLOEXEC);
		int fourth = fcntl(fd, F_DUPFD_CLOEXEC, 702);

		compare(fd, subjects[i], "opened");
		compare(path_fd, subjects[i], "path");
		compare(copy, subjects[i], "dup");
		compare(other, subjects[i], "dup2");
		compare(third, subjects[i], "dup3");
		compare(fourth, subjects[i], "fcntl");
		links(fd, subjects[i], "opened");
		links(path_fd, subjects[i], "path");
		links(third, subjects[i], "dup3");
		close(fd);
		compare(copy, subjects[i], "dup after close");
		for (fd = 3; fd < 20; fd++)
			close(fd);
		close(700);
		close(701);
		close(702);
	}
}

/* One number, reused for another file with the same content. */
static void reused(void)
{
	static const char *const twins[] = {"twin_a", "twin_b", "twin_a"};

	for (size_t i = 0; i < 3; i++) {
		int fd = must_open(at_root(twins[i]), O_RDONLY);

		compare(fd, twins[i], "reused");
		close(fd);
	}
	for (size_t i = 0; i < 3; i++) {
		int fd = must_open(at_root(twins[i]), O_RDONLY);

		CALL(dup2, fd, 50);
		compare(50, twins[i], "overwritten");
		close(fd);
	}
}

static void inherited(void)
{
	int a = must_open(at_root("twin_a"), O_RDONLY);
	int b = must_open(at_root("twin_b"), O_RDONLY);
	char name_a[12], name_b[12];
	pid_t pid = fork();

	if (pid == 0) {
		compare(a, "twin_a", "forked");
		compare(b, "twin_b", "forked");
		links(a, "twin_a", "forked");
		fflush(stdout);
		snprintf(name_a, sizeof(name_a), "%d", a);
		snprintf(name_b, sizeof(name_b), "%d", b);
		execl("/proc/self/exe", "descriptors", root, host, "executed", name_a,
		      name_b, NULL);
		_exit(3);
	}
	waitpid(pid, NULL, 0);
}

/* A table that was shared: what one does to a number afterwards is not the other's. */
static void parted(int fd, bool by_closing)
{
	int status;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		if (by_closing)
			CALL(close_range, (unsigned int)fd, (unsigned int)fd, 2);
		else if (unshare(CLONE_FILES) == 0)
			close(fd);
		_exit(open(at_root("twin_b"), O_RDONLY) == fd ? 7 : 8);
	}
	waitpid(pid, &status, 0);
	say(WEXITSTATUS(status), "parted %d", by_closing);
	compare(fd, "twin_a", "parted");
}

static void partings(void)
{
	int fd = must_open(at_root("twin_a"), O_RDONLY);

	parted(fd, false);
	parted(fd, true);
}

static void executed(char **words)
{
	int a = atoi(words[0]), b = atoi(words[1]);

	compare(a, "twin_a", "executed");
	compare(b, "twin_b", "executed");
	links(b, "twin_b", "executed");
}

static void of_other_kinds(void)
{
	struct stat st;
	int pair[2], memory = (int)CALL(memfd_create, "x", 0);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	say(CALL(fstat, 900, &st), "fstat closed");
	say(CALL(fstat, -1, &st), "fstat -1");
	say(CALL(fstat, AT_FDCWD, &st), "fstat AT_FDCWD");
	say(CALL(newfstatat, 900, "", &st, AT_EMPTY_PATH), "empty closed");
	say(CALL(newfstatat, must_open(root, O_RDONLY), "", &st, 0), "empty alone");
	say(CALL(newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH), "empty cwd");
	say(fstat(pair[0], &st), "fstat socket");
	say(fstat(memory, &st), "fstat memfd");
	say(CALL(dup, 900), "dup closed");
	say(CALL(dup2, 900, 901), "dup2 closed");
	say(CALL(dup3, memory, memory, 0), "dup3 same");
	say(CALL(dup2, memory, memory) == memory, "dup2 same");
	must_chdir(at_root("dir"));
	say_stat(CALL(newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH), &st,
		 "empty in dir");
	say_open(open("/proc/self/cwd/sub", O_RDONLY), "through cwd");
	say_open(open("/proc/self/cwd/../file", O_RDONLY), "through cwd and up");
	say_open(open("/proc/self/root"
		      "/tmp",
		      O_RDONLY),
		 "through root");
}

/* Positions belong to the open file, whoever holds it. */
static void positions(void)
{
	int fd = must_open(at_root("size_70000"), O_RDONLY), copy = dup(fd);
	char bytes[16];

	say(lseek(fd, 100, SEEK_SET), "seek");
	say(read(copy, bytes, 16), "read of the copy");
	say(lseek(fd, 0, SEEK_CUR), "position");
	say(lseek(fd, 0, SEEK_END), "end");
	say(read(fd, bytes, 16), "read at the end");
	say(lseek(fd, 0, SEEK_DATA), "data");
	say(lseek(fd, 0, SEEK_HOLE), "hole");
	say(pread(fd, bytes, 16, 69990), "pread");
}

int main(int argc, char **argv)
{
	if (argc > 5 && strcmp(argv[3], "executed") == 0) {
		probe_start(3, argv);
		executed(argv + 4);
		return 0;
	}
	probe_start(argc, argv);
	in_child("copies", copies);
	in_child("reused", reused);
	in_child("inherited", inherited);
	in_child("partings", partings);
	in_child("other kinds", of_other_kinds);
	in_child("positions", positions);
	return 0;
}
