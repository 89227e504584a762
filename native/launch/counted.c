/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The front of an inner run. Its caller sees it as that of any run (front.c): what is
 * sent to it alone reaches the command once, it stops with the command, dies as it. The
 * tracer of the run around is the witness of what the command got by itself. */
#define _GNU_SOURCE 1
#include "launch/counted.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "launch/joining.h"
#include "launch/statistics.h"
#include "run/clock.h"
#include "syscalls/syscalls.h"
#include "tracer/events.h"
#include "tracer/inner.h"

enum { DUE_MS = 20, FIGURES_SIZE = 128 * 1024 };

struct counted {
	pid_t child;
	int signal_fd;
	int wait_status;
	long last_stop; /* of INSIDE_STOPPED */
	bool ended;
	bool undecided; /* something may have to be passed on soon */
};

static long ask(enum inside_operation operation, void *address)
{
	return prctl(SYSCALLS_HYPERCALL, operation, address, 0, 0);
}

/* ---- signals ---- */

/* Once for each stop: who was continued alone goes on, and says so. */
static void counted_stop(struct counted *counted)
{
	const struct timespec no_time = {0};
	long stop = ask(INSIDE_STOPPED, NULL);
	int number = (int)(stop % INSIDE_STOP_UNIT);
	sigset_t one;

	if (stop <= 0 || stop == counted->last_stop)
		return;
	counted->last_stop = stop;
	if (number == SIGSTOP) /* that came from outside */
		return;
	sigemptyset(&one);
	sigaddset(&one, number);
	signal(number, SIG_DFL);
	raise(number); /* blocked: pending */
	/* A SIGCONT that follows takes it away. */
	if (ask(INSIDE_STOPPED, NULL) != stop) {
		sigtimedwait(&one, NULL, &no_time);
		return;
	}
	sigprocmask(SIG_UNBLOCK, &one, NULL); /* stops here */
	sigprocmask(SIG_BLOCK, &one, NULL);
}

static void counted_child(struct counted *counted)
{
	if (waitpid(counted->child, &counted->wait_status, WNOHANG) == counted->child)
		counted->ended = true;
	else
		counted_stop(counted);
}

static bool is_own_signal(const struct signalfd_siginfo *info)
{
	if (info->ssi_code <= 0)
		return (pid_t)info->ssi_pid == getpid(); /* SIGPIPE of our writing */
	return info->ssi_signo == SIGXCPU || info->ssi_signo == SIGXFSZ;
}

static void counted_read_signals(struct counted *counted)
{
	struct signalfd_siginfo info;

	while (!counted->ended &&
	       read(counted->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		struct event event = event_of_signal(&info);

		if (info.ssi_signo == SIGCHLD) {
			counted_child(counted);
		} else if (!is_own_signal(&info)) {
			ask(INSIDE_SIGNAL, &event);
			counted->undecided = true;
		}
	}
}

static void counted_pass_on(struct counted *counted)
{
	struct event event = {0};
	siginfo_t info = {0};
	long found;

	while ((found = ask(INSIDE_DUE, &event)) == 1) {
		info.si_signo = event.number;
		info.si_code = SI_QUEUE;
		info.si_pid = getpid();
		info.si_uid = getuid();
		info.si_value.sival_ptr = (void *)(uintptr_t)event.sender.value;
		if (event.sender.code != SI_QUEUE ||
		    syscall(__NR_rt_sigqueueinfo, counted->child, event.number, &info))
			kill(counted->child, event.number);
	}
	counted->undecided = found == 2;
}

/* ---- the run ---- */

static void counted_wait(struct counted *counted)
{
	struct pollfd polled = {.fd = counted->signal_fd, .events = POLLIN};

	while (!counted->ended) {
		poll(&polled, 1, counted->undecided ? DUE_MS : -1);
		counted_read_signals(counted);
		if (counted->undecided && !counted->ended)
			counted_pass_on(counted);
	}
}

static void counted_write(struct launch *launch, const struct counted *counted,
			  int64_t started_ns)
{
	static char text[FIGURES_SIZE];
	struct inside_figures figures = {0};
	struct statistics statistics = {.command = launch->options.command,
					.wait_status = counted->wait_status,
					.wall_ns = clock_now_ns() - launch->start_ns,
					.started_ns = started_ns,
					.counters = &figures.counters,
					.joined = true};
	long size =
		prctl(SYSCALLS_HYPERCALL, INSIDE_END, &figures, text, sizeof(text) - 1);

	text[size > 0 ? size : 0] = '\0';
	statistics.resolver = size > 0 ? text : NULL;
	statistics.tracer_s = (double)figures.tracer_ns / 1e9;
	statistics_add_children(&statistics);
	launch->run.scratch.fd = -1;
	statistics_write(launch, &statistics);
}

void counted_begin(void)
{
	prctl(SYSCALLS_HYPERCALL, INSIDE_BEGIN, getpid(), 0, 0);
}

struct front_result counted_run(struct launch *launch)
{
	struct front_result result = {.ours = true};
	struct counted counted = {0};
	int64_t started_ns;
	sigset_t all;

	sigfillset(&all);
	counted.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	started_ns = clock_now_ns() - launch->start_ns;
	counted.child = counted.signal_fd < 0 ? -1 : fork();
	if (counted.child == 0)
		_exit(joining_execute(launch));
	if (counted.child < 0) {
		result.status = message_no_run(&launch->messages, errno);
		return result;
	}
	heritage_drop(&launch->heritage);
	counted_wait(&counted);
	counted_write(launch, &counted, started_ns);
	result.ours = false;
	result.status = WEXITSTATUS(counted.wait_status);
	if (WIFSIGNALED(counted.wait_status))
		result.signal = WTERMSIG(counted.wait_status);
	return result;
}
