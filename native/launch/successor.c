/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/successor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "launch/leftovers.h"
#include "launch/watch.h"
#include "run/clock.h"
#include "run/thread.h"

struct successor {
	struct launch *launch;
	int front_fd; /* its other end is front's alone */
};

static void wait_for_end_of_front(int fd)
{
	struct pollfd hangup = {.fd = fd};

	while (!(hangup.revents & POLLHUP))
		poll(&hangup, 1, -1);
	close(fd);
}

static void let_go_of(int null, int fd)
{
	if (fd > STDERR_FILENO)
		dup3(null, fd, O_CLOEXEC);
}

/* Of a tracer that does not react: what it has of the caller of interpose_run. */
static void let_go_of_caller(const struct launch *launch)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	let_go_of(null, launch->voice);
	let_go_of(null, launch->stats_fd);
	atomic_store(&launch->pulse->let_go, true);
}

/* What the tracer does when it reacts comes first: this is for one that does not. */
static void succeed(void *context)
{
	struct successor *successor = context;
	struct launch *launch = successor->launch;
	struct timespec pause;
	struct watch watch;

	wait_for_end_of_front(successor->front_fd);
	watch_begin(&watch, launch->pulse, getpid(), launch->options.patience_s);
	watch.alone = watch.ends_job = true;
	pause = (struct timespec){watch.period_ms / 1000,
				  watch.period_ms % 1000 * 1000000L};
	while (!atomic_load(&launch->pulse->given_up) &&
	       !watch_is_stuck(&watch, clock_now_ns()))
		nanosleep(&pause, NULL);
	let_go_of_caller(launch);
	watch_end_job(getpid());
	leftovers_remove(launch);
	kill(getpid(), SIGKILL);
}

void successor_start(struct launch *launch)
{
	static struct successor successor;

	successor = (struct successor){launch,
				       fcntl(launch->tracer_fd, F_DUPFD_CLOEXEC, 0)};
	/* Without one, only a stuck tracer whose front is killed as well stays. */
	if (successor.front_fd >= 0 && thread_start(succeed, &successor) < 0)
		close(successor.front_fd);
}
