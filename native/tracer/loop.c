/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for stops, answers and front at once (docs/decisions/0003): SIGCHLD and the
 * sockets' signal stay blocked; whatever happens after the last look leaves its signal
 * pending, so sigtimedwait() cannot miss it. For a stop: one sigtimedwait, two waitpid,
 * of which a single tracee does not wait for the second; it is left out where the
 * signal can have told of nobody else. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "index/mapping.h"
#include "run/broken.h"
#include "run/channel.h"
#include "run/clock.h"
#include "run/errands.h"
#include "tracer/inner.h"
#include "tracer/pulse.h"
#include "tracer/tracer.h"

/* Lower than SIGCHLD: the kernel hands out low numbers first, so a flood of stops
 * cannot keep an answer waiting. */
static const int socket_signal = SIGUSR1;

enum { BATCH = 64, ROUNDS = 64 };

struct collected {
	pid_t tid;
	int status;
};

void tracer_block_signals(void)
{
	/* What a read of a mapped index raises cannot wait (index/mapping.h). */
	const uint64_t all = ~(1ull << (SIGBUS - 1));

	mapping_guard();
	/* sigfillset() leaves two out that the C library has for itself. */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	/* Ignored, it would neither be sent nor leave anything to wait for. */
	signal(SIGCHLD, SIG_DFL);
}

void tracer_wake(void)
{
	kill(getpid(), socket_signal);
}

int tracer_watch(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETOWN, getpid()) < 0 ||
	    fcntl(fd, F_SETSIG, socket_signal) < 0 ||
	    fcntl(fd, F_SETFL, flags | O_ASYNC) < 0)
		return -errno;
	return 0;
}

/* Each process of the job may cost a descriptor; the job has its own limit already. */
static void tracer_raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int tracer_create(struct run *run, const struct tracer_hooks *hooks,
		  struct tracer_front front, struct tracer **ret_tracer)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	int error;

	if (!tracer)
		return -ENOMEM;
	tracer_raise_limit();
	tracer->run = run;
	tracer->hooks = hooks;
	tracer->own_pid = getpid();
	tracer->front_fd = front.fd;
	tracer->front_pid = front.pid;
	tracer->pulse = front.pulse;
	linger_create(&tracer->linger);
	run->tracees = tracer->tracees = tracees_create();
	error = tracer->tracees ? inner_create(run) : -ENOMEM;
	if (error == 0)
		error = tracer_watch(front.fd);
	if (error < 0) {
		tracer_destroy(tracer);
		return error;
	}
	*ret_tracer = tracer;
	return 0;
}

void tracer_destroy(struct tracer *tracer)
{
	if (tracer->tracees)
		tracees_destroy(tracer->tracees);
	inner_destroy(tracer->run);
	free(tracer->early);
	free(tracer->at_entry);
	free(tracer);
}

int tracer_seize(struct tracer *tracer, pid_t pid)
{
	const uintptr_t options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
				  PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
				  PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD |
				  PTRACE_O_EXITKILL;
	struct tracee *first = tracees_add_first(tracer->tracees, pid);

	if (!first)
		return -ENOMEM;
	tracer->main_pid = pid;
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0) {
		int error = -errno;

		tracees_remove(tracer->tracees, first);
		return error;
	}
	first->is_main = true;
	first->state = TRACEE_RUNNING;
	tracer->run->counters.processes++;
	return 0;
}

bool tracer_is_idle(const struct tracer *tracer)
{
	if (tracees_count(tracer->tracees) > 0)
		return false;
	for (size_t i = 0; i < tracer->early_count; i++)
		if (WIFSTOPPED(tracer->early[i].status))
			return false;
	return true;
}

static void tracer_kill_one(struct tracee *tracee, void *context)
{
	(void)context;
	kill(tracee->tid, SIGKILL);
}

void tracer_end_job(struct tracer *tracer)
{
	tracer->ending = true;
	tracees_each(tracer->tracees, tracer_kill_one, NULL);
	for (size_t i = 0; i < tracer->early_count; i++)
		if (WIFSTOPPED(tracer->early[i].status))
			kill(tracer->early[i].tid, SIGKILL);
}

static bool tracer_is_tracee(const struct tracer *tracer, pid_t tid, int status)
{
	/* Children that are no tracees (the resolver) only ever end. */
	return WIFSTOPPED(status) || tid == tracer->main_pid ||
	       tracees_find(tracer->tracees, tid);
}

static void tracer_handle(struct tracer *tracer, const struct collected *stop)
{
	atomic_fetch_add_explicit(&tracer->pulse->turns, 1, memory_order_relaxed);
	if (!tracer_is_tracee(tracer, stop->tid, stop->status) &&
	    tracer->hooks->reaped(tracer->hooks->context, stop->tid, stop->status))
		return;
	stops_handle(tracer, stop->tid, stop->status);
}

/* The signal that told of `tid` can have told of nobody else: there is nobody. */
static bool tracer_heard_all(const struct tracer *tracer, pid_t tid)
{
	return tracees_count(tracer->tracees) == 1 && tracer->early_count == 0 &&
	       tracees_find(tracer->tracees, tid) && !tracer->run->trace &&
	       !channel_resolver_pid(tracer->run->channel);
}

/* All that stand stopped now are collected before the first one goes on: the kernel
 * looks for them in a fixed order, and a busy one in front would starve the others. A
 * single one goes on at once. True: there may be more. */
static bool tracer_collect(const struct tracer *tracer, struct collected batch[BATCH],
			   int *ret_count)
{
	const int most = tracees_count(tracer->tracees) > 1 ? BATCH : 1;
	int count = 0;

	while (count < most) {
		pid_t tid = waitpid(-1, &batch[count].status, WNOHANG | __WALL);

		if (tid < 0 && errno == EINTR)
			continue;
		if (tid <= 0)
			break;
		batch[count++].tid = tid;
	}
	*ret_count = count;
	return count == most;
}

static void tracer_drain_stops(struct tracer *tracer)
{
	struct lingering *linger = &tracer->linger;
	struct collected batch[BATCH];
	int count, rounds = 0;
	bool more;

	do {
		more = tracer_collect(tracer, batch, &count);
		if (count)
			linger_found(linger);
		for (int i = 0; i < count; i++)
			tracer_handle(tracer, &batch[i]);
		if (count)
			linger_answered(linger);
		more = more && !tracer_heard_all(tracer, batch[0].tid);
		rounds += count > 0;
		/* Bounded: answers and front wait for the end of this. Of a single one
		 * each stop but the first has left its signal pending. */
	} while (count == BATCH ||
		 (rounds < ROUNDS &&
		  (more || (rounds && !tracer->ending && linger_on(linger)))));
}

static void tracer_drain_answers(struct tracer *tracer)
{
	uint32_t id;

	do {
		tracer->asked = false;
		while ((id = channel_receive(tracer->run->channel)) != 0) {
			tracer->hooks->before_answers(tracer->hooks->context);
			if (channel_lost(tracer->run->channel))
				broken_tell(tracer->run, BROKEN_RESOLVER,
					    "a call gets EIO", 0);
			if (!again_answered(tracer, id))
				tracer->hooks->answered(tracer->hooks->context, id);
		}
	} while (tracer->asked);
}

static void tracer_drain_errands(struct tracer *tracer)
{
	struct errand errand;
	uint32_t id;
	int error;

	while ((id = errands_take(tracer->run->errands, &errand, &error)) != 0)
		again_errand_ended(tracer, id, &errand, error);
}

static void tracer_drain_front(struct tracer *tracer)
{
	struct event event;
	int got;

	while (tracer->front_fd >= 0) {
		got = event_receive(tracer->front_fd, &event);
		if (got == -EAGAIN)
			return;
		atomic_fetch_add_explicit(&tracer->pulse->heard, 1,
					  memory_order_relaxed);
		if (got == 1 && event.kind == EVENT_SIGNAL) {
			if (!tracer->main_ended)
				signals_report(&tracer->signals, tracer->main_pid,
					       &event);
			continue;
		}
		if (got == 0) {
			close(tracer->front_fd);
			tracer->front_fd = -1;
		}
		tracer->hooks->front_gone(tracer->hooks->context);
	}
}

static int64_t tracer_next_deadline(const struct tracer *tracer)
{
	int64_t candidates[] = {tracer->deadline_ns, tracer->recheck_ns,
				tracer->waiters_ns, signals_deadline(&tracer->signals),
				births_deadline(tracer)};
	int64_t nearest = 0;

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++)
		if (candidates[i] && (!nearest || candidates[i] < nearest))
			nearest = candidates[i];
	return nearest;
}

static void tracer_tick(struct tracer *tracer)
{
	int64_t now = clock_now_ns();
	struct early_stop stop;

	if (!tracer->main_ended)
		signals_tick(&tracer->signals, tracer->main_pid, now);
	while (births_adopt(tracer, now, &stop))
		stops_handle(tracer, stop.tid, stop.status);
	waiters_tick(tracer, now);
	if (tracer->recheck_ns && now >= tracer->recheck_ns) {
		tracer->recheck_ns = 0;
		tracer_drain_stops(tracer);
	}
	if (tracer->deadline_ns && now >= tracer->deadline_ns) {
		tracer->deadline_ns = 0;
		tracer->hooks->deadline(tracer->hooks->context);
	}
}

/* The signal that came, or 0 when the next deadline has. */
static int tracer_wait(const struct tracer *tracer)
{
	int64_t deadline = tracer_next_deadline(tracer);
	struct timespec timeout;
	sigset_t all;
	int signal;

	sigfillset(&all);
	if (deadline) {
		int64_t left = deadline - clock_now_ns();

		left = left < 0 ? 0 : left;
		timeout.tv_sec = left / 1000000000;
		timeout.tv_nsec = left % 1000000000;
	}
	atomic_store_explicit(&tracer->pulse->waits, true, memory_order_relaxed);
	do
		signal = sigtimedwait(&all, NULL, deadline ? &timeout : NULL);
	while (signal < 0 && errno == EINTR);
	atomic_store_explicit(&tracer->pulse->waits, false, memory_order_relaxed);
	atomic_fetch_add_explicit(&tracer->pulse->turns, 1, memory_order_relaxed);
	return signal < 0 ? 0 : signal;
}

void tracer_run(struct tracer *tracer)
{
	int signal = 0;

	tracer_drain_front(tracer);
	tracer_drain_stops(tracer);
	while (!tracer_is_idle(tracer) || !tracer->main_ended || tracer->deadline_ns) {
		signal = tracer_wait(tracer);
		if (signal == socket_signal) {
			tracer_drain_front(tracer);
			tracer_drain_errands(tracer);
			tracer_drain_answers(tracer);
		} else if (signal) {
			tracer_drain_stops(tracer);
		}
		if (tracer->asked)
			tracer_drain_answers(tracer);
		if (tracer_next_deadline(tracer))
			tracer_tick(tracer);
	}
}
