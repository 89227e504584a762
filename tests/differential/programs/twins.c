/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins, files of equal content: each is itself, whatever way a descriptor of it goes,
 * in whatever order they are opened. */
/* covers: unshare */
#include "twins.h"

#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>

extern char **environ;

static char own_path[4096];

static void both_orders(void)
{
	int fds[2][MEMBERS];

	for (size_t at = 0; at < GROUPS; at++) {
		open_group(groups[at], fds[0], at % 2);
		open_group(groups[at], fds[1], !(at % 2));
		for (int turn = 0; turn < 2; turn++)
			for (int i = 0; i < MEMBERS; i++)
				tell(fds[turn][i], groups[at][i], "opened");
	}
}

static void copied(void)
{
	int fds[MEMBERS], number = 500;

	open_group(groups[0], fds, false);
	for (int i = 0; i < MEMBERS; i++) {
		tell(dup(fds[i]), groups[0][i], "dup");
		tell(dup2(fds[i], number++), groups[0][i], "dup2");
		tell(dup3(fds[i], number++, O_CLOEXEC), groups[0][i], "dup3");
		tell(fcntl(fds[i], F_DUPFD, 600), groups[0][i], "F_DUPFD");
		tell(fcntl(fds[i], F_DUPFD_CLOEXEC, 600), groups[0][i], "cloexec");
	}
}

/* Words for this program, which says what it has been given. */
static char **words_of(const char *const group[], const int fds[])
{
	static char numbers[MEMBERS][12];
	static char *words[5 + 2 * MEMBERS];
	size_t count = 0;

	words[count++] = own_path;
	words[count++] = (char *)root;
	words[count++] = (char *)host;
	words[count++] = "given";
	for (int i = 0; i < MEMBERS; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%d", fds[i]);
		words[count++] = numbers[i];
		words[count++] = (char *)group[i];
	}
	words[count] = NULL;
	return words;
}

static void given(char **words)
{
	for (; *words; words += 2)
		tell(atoi(words[0]), words[1], "given");
}

static int run_in_vfork(char **words)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		execv(own_path, words);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void children(void)
{
	for (size_t at = 0; at < GROUPS; at++) {
		int fds[MEMBERS], status;
		char **words;
		pid_t pid;

		open_group(groups[at], fds, at % 2);
		words = words_of(groups[at], fds);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			for (int i = 0; i < MEMBERS; i++)
				tell(fds[i], groups[at][i], "forked");
			fflush(stdout);
			execv(own_path, words);
			_exit(9);
		}
		waitpid(pid, &status, 0);
		say(status, "fork");
		say(run_in_vfork(words), "vfork");
		posix_spawn(&pid, own_path, NULL, NULL, words, environ);
		waitpid(pid, &status, 0);
		say(status, "posix_spawn");
	}
}

static void send_all(int way, const int fds[])
{
	char byte = 'x', room[CMSG_SPACE(MEMBERS * sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(MEMBERS * sizeof(int));
	memcpy(CMSG_DATA(head), fds, MEMBERS * sizeof(int));
	say(sendmsg(way, &message, 0), "sent");
}

static void receive_all(int way, int fds[])
{
	char byte, room[CMSG_SPACE(MEMBERS * sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};

	say(recvmsg(way, &message, 0), "received");
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), MEMBERS * sizeof(int));
}

static void passed(void)
{
	int pair[2], fds[MEMBERS], status;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	for (size_t at = 0; at < GROUPS; at++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			open_group(groups[at], fds, at % 2);
			send_all(pair[0], fds);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		receive_all(pair[1], fds);
		for (int i = 0; i < MEMBERS; i++)
			tell(fds[i], groups[at][i], "passed");
	}
}

static void taken(void)
{
	int ready[2], fds[MEMBERS], pidfd;
	char byte = 'x';
	pid_t pid;

	if (pipe(ready) < 0)
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < MEMBERS; i++)
			dup2(opened(groups[0][i]), 800 + i);
		byte = write(ready[1], "x", 1) == 1 ? 0 : 1;
		pause();
	}
	say(read(ready[0], &byte, 1), "ready");
	pidfd = (int)syscall(434 /* pidfd_open */, pid, 0);
	for (int i = 0; i < MEMBERS; i++) {
		char path[64], text[4096];
		ssize_t len;

		fds[i] = (int)syscall(438 /* pidfd_getfd */, pidfd, 800 + i, 0);
		tell(fds[i], groups[0][i], "taken");
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, 800 + i);
		len = readlink(path, text, sizeof(text));
		say_bytes(text, len > 0 ? (size_t)len : 0, "its link");
		tell(must_open(path, O_RDONLY), groups[0][i], "through its link");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A number that was shared, and is another file's for one of them afterwards. */
static void parted(void)
{
	int fd = opened("twin_a"), status;
	pid_t pid;

	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		unshare(CLONE_FILES);
		dup2(opened("twin_b"), fd);
		tell(fd, "twin_b", "its own");
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tell(fd, "twin_a", "parted");
	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		dup2(opened("copies/small"), fd);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tell(fd, "copies/small", "changed for both");
}

int main(int argc, char **argv)
{
	ssize_t len = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);

	own_path[len < 0 ? 0 : len] = '\0';
	if (argc > 4 && strcmp(argv[3], "given") == 0) {
		probe_start(3, argv);
		given(argv + 4);
		return 0;
	}
	probe_start(argc, argv);
	in_child("both orders", both_orders);
	in_child("copied", copied);
	in_child("children", children);
	in_child("passed", passed);
	in_child("taken", taken);
	in_child("parted", parted);
	return 0;
}
