/* SPDX-License-Identifier: GPL-2.0-or-later */
/* thread_exec COMMAND ARG...: executes it in a thread, beside other busy threads. */
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static void *busy(void *unused)
{
	for (;;)
		close(open("/etc/passwd", O_RDONLY));
	return unused;
}

static void *execute(void *argv)
{
	execv(((char **)argv)[0], argv);
	_exit(1);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	for (int i = 0; i < 5; i++)
		pthread_create(&thread, NULL, busy, NULL);
	if (argc > 1)
		pthread_create(&thread, NULL, execute, argv + 1);
	busy(NULL);
}
