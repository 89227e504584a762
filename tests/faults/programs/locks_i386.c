/* SPDX-License-Identifier: GPL-2.0-or-later */
/* locks_i386 FILE: every lock command of i386, by its number, on FILE opened for
 * reading. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "arch/numbers.h"

/* As the kernel has them; of the same size as what stands before `type` of both. */
struct old_lock {
	short type, whence;
	int start, len, pid;
};
struct new_lock {
	short type, whence;
	long long start __attribute__((packed, aligned(4)));
	long long len __attribute__((packed, aligned(4)));
	int pid;
};

static void show(const char *what, int command, long result, int type)
{
	printf("%s %d: %d type %d\n", what, command, result < 0 ? -errno : 0, type);
}

int main(int argc, char **argv)
{
	static const int old_commands[] = {6, 7, 5},
			 types[] = {F_RDLCK, F_UNLCK, F_WRLCK};
	static const int new_commands[] = {13, 14, 12, 37, 38, 36};
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	for (int t = 0; t < 3; t++) {
		for (int i = 0; i < 3; i++) {
			struct old_lock lock = {.type = (short)types[t], .len = 5};
			long result = syscall(SYS_fcntl, fd, old_commands[i], &lock);

			show("fcntl", old_commands[i], result, lock.type);
		}
		for (int i = 0; i < 6; i++) {
			struct new_lock lock = {.type = (short)types[t], .len = 5};
			long result = syscall(SYS_fcntl64, fd, new_commands[i], &lock);

			show("fcntl64", new_commands[i], result, lock.type);
		}
	}
	show("flock", LOCK_EX, flock(fd, LOCK_EX), 0);
	show("flock", LOCK_EX, flock(open(argv[1], O_RDONLY), LOCK_EX | LOCK_NB), 0);
	return 0;
}
