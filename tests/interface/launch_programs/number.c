/* SPDX-License-Identifier: GPL-2.0-or-later */
/* number N: makes call N without arguments and prints the error's name. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long result = argc > 1 ? syscall(atol(argv[1]), 0, 0, 0, 0, 0, 0) : 0;

	if (result < 0 && errno == ENOSYS)
		puts("ENOSYS");
	else
		printf("%ld %s\n", result, result < 0 ? strerror(errno) : "");
	return 0;
}
