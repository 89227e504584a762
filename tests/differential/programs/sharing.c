/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that other processes have too: by CLONE_FILES without CLONE_VM, by
 * SCM_RIGHTS, by pidfd_getfd, over exec; what /proc tells of them; locks on them. */
/* covers: clone clone3 ptrace flock fcntl */
#include "probe.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

static const char *const subjects[] = {"file", "dir", "nested/file",	 "chunked",
				       "link", "",    "names/with blank"};
enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]), SHARED_FD = 40 };

/* The lines of fdinfo: numbers that differ from mount to mount as "same as statx". */
static void fdinfo(int fd, const char *label)
{
	char path[64], line[256];
	struct statx stx = {0};
	FILE *file;

	statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &stx);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned long long number;

		if (sscanf(line, "mnt_id: %llu", &number) == 1)
			printf("%s: mount of statx %d\n", label,
			       number == stx.stx_mnt_id);
		else if (sscanf(line, "ino: %llu", &number) == 1)
			printf("%s: inode of statx %d\n", label, number == stx.stx_ino);
		else if (strncmp(line, "lock:", 5) != 0)
			printf("%s: %s", label, line);
	}
	if (file)
		fclose(file);
}

static void identity(int fd, const char *label)
{
	char path[64], text[4096];
	struct stat st;
	ssize_t len;

	say_stat(fstat(fd, &st), &st, "%s fstat", label);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, text, sizeof(text));
	say_bytes(text, len > 0 ? (size_t)len : 0, "%s leads", label);
	fdinfo(fd, label);
	if (len <= 0 || !S_ISDIR(st.st_mode))
		return;
	say_open(openat(fd, "file", O_RDONLY), "%s file in it", label);
	say(fchdir(fd), "%s entered", label);
	say_bytes(text, getcwd(text, sizeof(text)) ? strlen(text) : 0, "%s cwd", label);
	must_chdir("/");
}

static void opens_for_both(void)
{
	for (int i = 0; i < SUBJECTS; i++)
		CALL(dup2, must_open(at_root(subjects[i]), O_RDONLY), SHARED_FD + i);
	CALL(dup2, must_open(at_root("twin_a"), O_RDONLY), SHARED_FD + SUBJECTS);
	CALL(dup2, must_open(at_root("twin_b"), O_RDONLY), SHARED_FD + SUBJECTS + 1);
	_exit(0);
}

static void one_table(void)
{
	int status;
	/* As fork, but with one table of descriptors. */
	pid_t pid = (pid_t)CALL(clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		opens_for_both();
	say(waitpid(pid, &status, 0) == pid, "child with our table");
	for (int i = 0; i < SUBJECTS + 2; i++)
		identity(SHARED_FD + i, i < SUBJECTS ? subjects[i] : "twin");
}

static void untraced(void)
{
	/* Natively the flag says that no tracer is to have the child. */
	struct clone_args args = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)CALL(clone3, &args, sizeof(args));
	int status;

	if (pid == 0)
		_exit(access(at_root("file"), R_OK) == 0 ? 3 : 4);
	waitpid(pid, &status, 0);
	say(status, "untraced child");
	printf("flags are ours again %d\n", args.flags == CLONE_UNTRACED);
	say(CALL(clone3, (void *)8, sizeof(args)), "clone3 at a bad place");
	say(CALL(clone3, &args, 8), "clone3 of a small struct");
	say(CALL(ptrace, PTRACE_ATTACH, 0x3fffffff, 0, 0), "attach to nobody");
	say(CALL(ptrace, PTRACE_SEIZE, 0x3fffffff, 0, 0), "seize nobody");
	say(CALL(ptrace, PTRACE_DETACH, getppid(), 0, 0), "detach from a stranger");
}

static void send_one(int way, int fd)
{
	char byte = 'x', room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	say(sendmsg(way, &message, 0), "sent");
}

static int receive_one(int way)
{
	char byte, room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	int fd = -1;

	if (recvmsg(way, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void passed(void)
{
	int pair[2], status;
	pid_t pid;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	pid = fork();
	if (pid == 0) {
		close(pair[1]);
		for (int i = 0; i < SUBJECTS; i++) {
			const char *path = at_root(subjects[i]);

			send_one(pair[0], must_open(path, O_RDONLY));
			send_one(pair[0], must_open(path, O_PATH | O_NOFOLLOW));
		}
		fflush(stdout);
		_exit(0);
	}
	close(pair[0]);
	waitpid(pid, &status, 0);
	for (int i = 0; i < SUBJECTS; i++) {
		identity(receive_one(pair[1]), subjects[i]);
		identity(receive_one(pair[1]), subjects[i]);
	}
}

static void taken(void)
{
	int ready[2], fd = must_open(at_root("dir"), O_RDONLY), pidfd;
	pid_t pid;
	char byte;

	if (pipe(ready) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		CALL(dup2, must_open(at_root("file"), O_RDONLY), fd);
		byte = write(ready[1], "x", 1) == 1 ? 0 : 1;
		pause();
	}
	say(read(ready[0], &byte, 1), "ready");
	pidfd = (int)syscall(434 /* pidfd_open */, pid, 0);
	identity((int)syscall(438 /* pidfd_getfd */, pidfd, fd, 0), "taken");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A listing begun here goes on in another program. */
static void over_exec(void)
{
	int fd = must_open(at_root("big"), O_RDONLY);
	char number[12], bytes[4096];
	pid_t pid;

	say(CALL(getdents64, fd, bytes, 1000) > 0, "first part");
	snprintf(number, sizeof(number), "%d", fd);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "sharing", root, host, "executed", number,
		      NULL);
		_exit(9);
	}
	waitpid(pid, NULL, 0);
	say(lseek(fd, 0, SEEK_SET), "rewound");
	say(CALL(getdents64, fd, bytes, sizeof(bytes)) > 0, "again");
}

static void executed(int fd)
{
	long total = 0, got;
	char bytes[4096];

	while ((got = CALL(getdents64, fd, bytes, sizeof(bytes))) > 0) {
		for (long at = 0; at < got; total++)
			at += *(unsigned short *)(void *)(bytes + at + 16);
	}
	say(total > 0, "rest of the listing");
	lseek(fd, 0, SEEK_SET); /* each file system counts in its own way */
	identity(fd, "directory over exec");
	say_open(openat(fd, "entry_0001", O_RDONLY), "file in it");
}

static void tell_lock(const char *label, int result, const struct flock *lock,
		      pid_t holder)
{
	say(result, "%s", label);
	printf("  type %d whence %d start %ld len %ld pid %s\n", lock->l_type,
	       lock->l_whence, (long)lock->l_start, (long)lock->l_len,
	       lock->l_pid == holder ? "holder"
	       : lock->l_pid == -1   ? "-1"
				     : "other");
}

static void locks(void)
{
	int ready[2], fd = must_open(at_root("file"), O_RDONLY);
	int other = must_open(at_root("dir/file"), O_RDONLY);
	struct flock wanted = {.l_type = F_WRLCK, .l_start = 5, .l_len = 10};
	struct flock held = {.l_type = F_RDLCK, .l_start = 7, .l_len = 4}, got;
	pid_t pid;
	char byte;

	if (pipe(ready) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		fd = must_open(at_root("file"), O_RDONLY);
		say(flock(fd, LOCK_EX), "flock");
		say(fcntl(fd, F_SETLK, &held), "posix lock");
		held.l_start = 100;
		say(fcntl(fd, F_OFD_SETLK, &held), "ofd lock");
		say(fcntl(fd, F_SETLEASE, F_RDLCK) <= 0, "lease");
		fflush(stdout);
		byte = write(ready[1], "x", 1) == 1 ? 0 : 1;
		pause();
	}
	say(read(ready[0], &byte, 1), "ready");
	say(flock(fd, LOCK_SH | LOCK_NB), "flock of a locked file");
	say(flock(other, LOCK_EX | LOCK_NB), "flock of another file");
	got = wanted;
	tell_lock("posix lock there", fcntl(fd, F_GETLK, &got), &got, pid);
	got = wanted;
	got.l_start = 99;
	tell_lock("ofd lock there", fcntl(fd, F_OFD_GETLK, &got), &got, pid);
	say(fcntl(fd, F_SETLK, &wanted), "to write");
	got = held;
	say(fcntl(fd, F_SETLK, &got), "to read too");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	say(flock(fd, LOCK_EX | LOCK_NB), "flock after its end");
}

static void mapped(void)
{
	int fd = must_open(at_root("chunked"), O_RDONLY);
	char *bytes = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 4096);
	char path[128], text[4096];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)bytes, (unsigned long)bytes + 8192);
	len = readlink(path, text, sizeof(text));
	say_bytes(text, len > 0 ? (size_t)len : 0, "map_files leads");
	say(len == -1 ? -1 : 0, "map_files");
	say(lseek(fd, 4711, SEEK_SET), "moved");
	fdinfo(fd, "moved");
	fdinfo(must_open(at_root("chunked"), O_RDONLY | O_CLOEXEC | O_NONBLOCK),
	       "with flags");
	fdinfo(must_open(at_host("file"), O_RDWR), "of the host");
}

int main(int argc, char **argv)
{
	if (argc > 4 && strcmp(argv[3], "executed") == 0) {
		probe_start(3, argv);
		executed(atoi(argv[4]));
		return 0;
	}
	probe_start(argc, argv);
	in_child("one table", one_table);
	in_child("untraced", untraced);
	in_child("passed", passed);
	in_child("taken", taken);
	in_child("over exec", over_exec);
	in_child("locks", locks);
	in_child("mapped", mapped);
	return 0;
}
