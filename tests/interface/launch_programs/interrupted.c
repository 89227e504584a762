/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open() that blocks is interrupted by a signal: with SA_RESTART it goes on. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;
static char fifo[] = "/tmp/interpose-fifo-XXXXXX";

static void tick(int number)
{
	(void)number;
	if (++ticks == 2 && fork() == 0) {
		int fd = open(fifo, O_WRONLY);

		_exit(fd < 0);
	}
}

static void look(int flags)
{
	struct sigaction action = {.sa_handler = tick, .sa_flags = flags};
	int fd;

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000);
	fd = open(fifo, O_RDONLY);
	ualarm(0, 0);
	puts(fd >= 0 ? "restarted" : errno == EINTR ? "interrupted" : "broken");
	fflush(stdout);
	close(fd);
}

int main(void)
{
	mktemp(fifo);
	mkfifo(fifo, 0600);
	look(SA_RESTART);
	while (wait(NULL) > 0)
		;
	look(0);
	unlink(fifo);
	return 0;
}
