/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfork_and_move HERE THERE NAME: a child that shares all memory goes from HERE to
 * THERE. Prints where NAME is: before, in the child, and afterwards; then the same of
 * one that shares the working directory, too. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char **words;
static const char *said[2];

static const char *look(void)
{
	struct stat st;

	return stat(words[3], &st) < 0 ? "missing" : "there";
}

static int child(void *unused)
{
	(void)unused;
	said[0] = look();
	if (chdir(words[2]) < 0)
		_exit(3);
	said[1] = look();
	_exit(0);
}

static void once(int flags)
{
	static char stack[65536] __attribute__((aligned(64)));
	const char *before, *after;
	int status;

	if (chdir(words[1]) < 0)
		exit(4);
	look();
	before = look();
	if (clone(child, stack + sizeof(stack),
		  CLONE_VM | CLONE_VFORK | flags | SIGCHLD, NULL) < 0 ||
	    wait(&status) < 0 || status)
		exit(5);
	after = look();
	printf("%s %s %s %s %s\n", before, said[0], said[1], after, look());
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc != 4)
		return 2;
	words = argv;
	for (int i = 0; i < 20; i++)
		stat("/etc/passwd", &st);
	once(0);
	once(CLONE_FS);
	return 0;
}
