/* SPDX-License-Identifier: GPL-2.0-or-later */
/* small_stacks NAME: stat of NAME in a thread with the least stack, and in a handler on
 * a small one. Prints what came of it, and how many bytes below the stack have changed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { BELOW = 32768, THREAD = 16384 + 4096, MORE = 8192, FILL = 0x5a };

static unsigned char area[BELOW + 65536] __attribute__((aligned(4096)));
static const char *name;
static int result = 77;

static void handle(int signal)
{
	struct stat st;

	(void)signal;
	result = stat(name, &st);
}

static void *run(void *unused)
{
	handle(0);
	return unused;
}

static void tell(void)
{
	int changed = 0;

	for (int i = 0; i < BELOW; i++)
		changed += area[i] != FILL;
	printf("%d %d\n", result, changed);
	result = 77;
}

int main(int argc, char **argv)
{
	size_t least = getauxval(AT_MINSIGSTKSZ);
	stack_t stack = {.ss_sp = area + BELOW,
			 .ss_size = (least ? least : 2048) + MORE};
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
	pthread_attr_t attributes;
	pthread_t thread;

	if (argc != 2)
		return 2;
	name = argv[1];
	for (int i = 0; i < 20; i++)
		handle(0);
	memset(area, FILL, sizeof(area));
	if (sigaltstack(&stack, NULL) < 0 || sigaction(SIGUSR1, &action, NULL) < 0)
		return 3;
	raise(SIGUSR1);
	tell();
	memset(area, FILL, sizeof(area));
	pthread_attr_init(&attributes);
	if (pthread_attr_setstack(&attributes, area + BELOW, THREAD) != 0 ||
	    pthread_create(&thread, &attributes, run, NULL) != 0)
		return 4;
	pthread_join(thread, NULL);
	tell();
	return 0;
}
