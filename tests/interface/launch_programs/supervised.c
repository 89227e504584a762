/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervised FILE: a thread whose openat and newfstatat a supervisor of the program's
 * own lets go on (seccomp_unotify(2)). Prints what they gave, "no" without such a
 * kernel. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"

enum { CALLS = 2 };

static int listener = -1;
static int ready[2];
static const char *file;

static int listen_to_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_newfstatat, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void *ask(void *results)
{
	int *result = results;
	struct stat st;

	listener = listen_to_calls();
	if (write(ready[1], "x", 1) != 1 || listener < 0)
		return NULL;
	result[0] = syscall(__NR_openat, AT_FDCWD, file, O_RDONLY) < 0 ? errno : 0;
	result[1] = syscall(__NR_newfstatat, AT_FDCWD, file, &st, 0) < 0 ? errno : 0;
	return NULL;
}

int main(int argc, char **argv)
{
	int results[CALLS] = {-1, -1};
	pthread_t thread;
	char byte;

	file = argc > 1 ? argv[1] : "/";
	if (pipe(ready) < 0 || pthread_create(&thread, NULL, ask, results) != 0 ||
	    read(ready[0], &byte, 1) != 1)
		return 1;
	for (int i = 0; i < CALLS && listener >= 0; i++) {
		struct seccomp_notif notice = {0};
		struct seccomp_notif_resp answer = {
			.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) < 0)
			return 1;
		answer.id = notice.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	pthread_join(thread, NULL);
	if (listener < 0)
		puts("no");
	else
		printf("%d %d\n", results[0], results[1]);
	return 0;
}
