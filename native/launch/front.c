/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run as its caller sees it: it gets the signals, stops and continues with
 * the job, ends as the job ended. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "launch/launch.h"
#include "launch/leftovers.h"
#include "launch/watch.h"
#include "run/clock.h"
#include "tracer/events.h"

enum { TRACER_PATIENCE_MS = 1000 };

struct front {
	struct launch *launch;
	int signal_fd;
	bool ended;    /* the job's main process; or the run has failed */
	bool failed;   /* the run, not the job: the tracer is about to end */
	bool all_gone; /* the tracer has ended or is about to */
	bool leaving;  /* a signal ended --wait */
	struct watch watch;
	struct front_result result;
};

static void front_relay(const struct front *front)
{
	char text[4096];
	ssize_t got;

	while ((got = read(front->launch->relay_read, text, sizeof(text))) > 0) {
		message_keep(text, (size_t)got);
		if (write(front->launch->messages.fd, text, (size_t)got) < 0)
			continue; /* nobody listens */
	}
}

static bool front_is_own_signal(const struct front *front,
				const struct signalfd_siginfo *info)
{
	pid_t sender = (pid_t)info->ssi_pid;

	if (info->ssi_signo == SIGCHLD)
		return true;
	/* SIGCONT of the tracer, SIGPIPE of our own writing. */
	if (info->ssi_code <= 0 &&
	    (sender == front->launch->tracer_pid || sender == getpid()))
		return true;
	return info->ssi_code > 0 &&
	       (info->ssi_signo == SIGXCPU || info->ssi_signo == SIGXFSZ);
}

/* As process 1 of a container, front is given the job's orphans. */
static void front_reap_orphans(const struct front *front)
{
	siginfo_t info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0 && info.si_pid != front->launch->tracer_pid) {
		waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

static bool front_ends_jobs(int signal)
{
	return signal == SIGTERM || signal == SIGINT || signal == SIGHUP ||
	       signal == SIGQUIT;
}

/* So many messages are on their way that one more might have to wait. */
static bool front_is_full(const struct front *front)
{
	return front->watch.sent - atomic_load(&front->launch->pulse->heard) >= 100;
}

static void front_tell(struct front *front, const struct event *event)
{
	if (event_send(front->launch->front_fd, event) == 0)
		front->watch.sent++;
}

static void front_read_signals(struct front *front)
{
	struct signalfd_siginfo info;

	while (!front_is_full(front) &&
	       read(front->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		struct event event = event_of_signal(&info);

		if (info.ssi_signo == SIGCHLD)
			front_reap_orphans(front);
		if (front_is_own_signal(front, &info))
			continue;
		/* --wait: the main process is gone, so it is us that shall end. */
		if (front->ended && front_ends_jobs(event.number))
			front->leaving = true;
		else
			front_tell(front, &event);
		front->watch.ends_job |= front_ends_jobs(event.number);
	}
}

/* Does nothing more to hear from the tracer speak against stopping? A message that came
 * before is seen here; the SIGCONT that follows a later one takes the pending stop
 * away. */
static bool front_still_stopped(const struct front *front)
{
	struct event event;

	return recv(front->launch->front_fd, &event, sizeof(event),
		    MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

static void front_stop(const struct front *front, int signal_number)
{
	const struct timespec no_time = {0};
	sigset_t one;

	/* The tracer stops front itself by SIGSTOP. */
	if (signal_number == SIGSTOP)
		return;
	sigemptyset(&one);
	sigaddset(&one, signal_number);
	signal(signal_number, SIG_DFL);
	raise(signal_number); /* blocked: pending */
	if (!front_still_stopped(front)) {
		sigtimedwait(&one, NULL, &no_time);
		return;
	}
	sigprocmask(SIG_UNBLOCK, &one, NULL); /* stops here */
	sigprocmask(SIG_BLOCK, &one, NULL);
}

static int front_explain(const struct front *front, const struct job_failure *failure)
{
	const struct messages *messages = &front->launch->messages;
	const char *command = front->launch->options.command[0];
	const char *path = getenv("PATH");

	if (failure->stage == JOB_FILTER)
		return message_ill(messages, doctor_row("seccomp")->advice,
				   "the kernel refuses a seccomp filter: %s",
				   strerror(failure->error));
	if (failure->error == EIO) {
		/* The resolver, or who could not start it, has said why. */
		if (!strstr(command, PREFIX_REPOSITORIES) &&
		    !(path && strstr(path, PREFIX_REPOSITORIES)))
			message_fail(messages, "cannot read: %s: %s", command,
				     strerror(failure->error));
		return STATUS_OURS;
	}
	if (failure->error == ENOENT) {
		message_fail(messages, "command not found: %s", command);
		return STATUS_NOT_FOUND;
	}
	message_fail(messages, "cannot execute: %s: %s", command,
		     strerror(failure->error));
	return STATUS_NOT_EXECUTABLE;
}

static void front_job_ended(struct front *front, const struct event *event)
{
	struct job_failure failure;
	ssize_t got = read(front->launch->failure_read, &failure, sizeof(failure));

	front->ended = true;
	front->all_gone = event->last;
	if (got == sizeof(failure)) {
		front_relay(front);
		front->result.status = front_explain(front, &failure);
		front->result.ours = front->result.status == STATUS_OURS;
	} else if (WIFSIGNALED(event->number)) {
		front->result.signal = WTERMSIG(event->number);
	} else {
		front->result.status = WEXITSTATUS(event->number);
	}
	/* The end of process 1 ends all; then at least in good order. */
	if (getpid() == 1 && !event->last) {
		const struct event end = {.kind = EVENT_END_JOB};

		front_tell(front, &end);
	}
}

static void front_tracer_gone(struct front *front)
{
	struct launch *launch = front->launch;
	int status = 0;

	front->all_gone = true;
	while (waitpid(launch->tracer_pid, &status, 0) < 0 && errno == EINTR)
		;
	if (front->ended)
		return;
	/* The kernel ends the job with its tracer (PTRACE_O_EXITKILL). */
	front_relay(front);
	front->ended = front->result.ours = true;
	front->result.status = message_fail(
		&launch->messages,
		"the tracer ended unexpectedly, and the job with it: %s %d",
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	leftovers_finish(leftovers_remove(launch));
}

/* Waits in the kernel for what does not come, and the job with it. */
static void front_end_stuck(struct front *front)
{
	struct launch *launch = front->launch;

	front_relay(front);
	if (!front->ended)
		front->result.status = message_fail(
			&launch->messages,
			"the tracer does not react any more, so the job is ended: a "
			"file system does not answer (are scratch and caches on a "
			"local disk?)");
	watch_end(&front->watch, launch->front_fd);
	leftovers_finish(leftovers_remove(launch));
	front->ended = front->leaving = true;
}

/* It has said its last word and only has to go; but a look of its at a file system that
 * does not answer may keep it in the kernel, and nobody has to wait for that. */
static void front_await_tracer(pid_t pid)
{
	const struct timespec step = {.tv_nsec = 2 * 1000000};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (int waited = 0; waited < TRACER_PATIENCE_MS; waited += 2) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		sigtimedwait(&child, NULL, &step);
	}
}

static void front_read_events(struct front *front)
{
	struct event event;
	int got;

	while ((got = event_receive(front->launch->front_fd, &event)) == 1) {
		if (event.kind == EVENT_STOPPED) {
			front_stop(front, event.number);
		} else if (event.kind == EVENT_ENDED) {
			front_job_ended(front, &event);
		} else if (event.kind == EVENT_FAILED) {
			front->ended = true;
			front->failed = front->result.ours = true;
			front->result.status = STATUS_OURS;
		}
	}
	if (got == 0)
		front_tracer_gone(front);
}

static bool front_is_done(const struct front *front)
{
	if (!front->ended || front->all_gone || front->leaving)
		return front->all_gone || front->leaving;
	/* Descendants live on. As process 1 we cannot leave before the tracer. */
	return !front->launch->options.wait && !front->failed && getpid() != 1;
}

static void front_wait(struct front *front)
{
	struct pollfd polled[] = {
		{.fd = front_is_full(front) ? -1 : front->signal_fd, .events = POLLIN},
		{.fd = front->launch->front_fd, .events = POLLIN},
		{.fd = front->launch->relay_read, .events = POLLIN},
	};

	if (poll(polled, 3, front->watch.period_ms) < 0)
		return;
	if (polled[0].revents)
		front_read_signals(front);
	if (polled[2].revents & POLLIN)
		front_relay(front);
	if (polled[1].revents)
		front_read_events(front);
	if (polled[2].revents == POLLHUP) {
		close(front->launch->relay_read);
		front->launch->relay_read = -1; /* poll() passes it by */
	}
	if (!front->all_gone && watch_is_stuck(&front->watch, clock_now_ns()))
		front_end_stuck(front);
}

struct front_result front_run(struct launch *launch)
{
	struct front front = {.launch = launch};
	sigset_t all;

	watch_begin(&front.watch, launch->pulse, launch->tracer_pid,
		    launch->options.patience_s);
	sigfillset(&all);
	front.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	heritage_drop(&launch->heritage);
	while (!front_is_done(&front))
		front_wait(&front);
	/* What the helpers said until now belongs before the end. */
	front_relay(&front);
	if (front.all_gone) {
		front_await_tracer(launch->tracer_pid);
		/* A job may have taken the tracer's limits away. */
		leftovers_finish(leftovers_remove(launch));
	}
	return front.result;
}

void front_end(const struct front_result *result)
{
	const struct rlimit none = {0};
	sigset_t one;

	if (result->signal == 0)
		_exit(result->status);
	/* The job has left its core; one of ours would only hide it. */
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	sigemptyset(&one);
	sigaddset(&one, result->signal);
	signal(result->signal, SIG_DFL);
	raise(result->signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + result->signal); /* process 1 does not die of signals */
}
