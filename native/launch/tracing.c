/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tracer's process: starts the job, serves it to its end, leaves nothing behind. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fast/fast.h"
#include "interpose.h"
#include "launch/filters.h"
#include "launch/formatter.h"
#include "launch/helper.h"
#include "launch/launch.h"
#include "launch/resolver.h"
#include "launch/scratches.h"
#include "launch/statistics.h"
#include "launch/successor.h"
#include "launch/relay.h"
#include "run/broken.h"
#include "run/channel.h"
#include "run/clock.h"
#include "run/errands.h"
#include "run/mounts.h"
#include "run/trace.h"
#include "tracer/events.h"
#include "tracer/pulse.h"
#include "tracer/tracer.h"

enum { HELPER_PATIENCE_MS = 5000, STATISTICS_PATIENCE_NS = 2000000000 };

struct tracing {
	struct launch *launch;
	struct tracer *tracer;
	struct resolver resolver;
	struct statistics statistics;
	struct sock_fprog filter;
	pid_t formatter; /* of --trace; 0: none */
	int gate_fd;	 /* -1: open */
	uint32_t *named; /* questions that opened the gate when they are answered */
	size_t named_open;
	uint32_t figures; /* question for the resolver's statistics; 0: none */
	char *resolver_figures;
	bool failed; /* before the job started */
	bool told;   /* front knows how the job ended */
};

static void tracing_tell_end(struct tracing *tracing, bool last)
{
	struct event event = {.kind = EVENT_ENDED,
			      .number = tracing->statistics.wait_status,
			      .last = last};

	if (tracing->told)
		return;
	tracing->told = true;
	atomic_store(&tracing->launch->pulse->told, true);
	event_send(tracing->launch->tracer_fd, &event);
}

static void tracing_fail(struct tracing *tracing)
{
	const struct event event = {.kind = EVENT_FAILED};

	if (tracing->failed || tracing->told)
		return;
	tracing->failed = tracing->told = true;
	event_send(tracing->launch->tracer_fd, &event);
	if (tracing->tracer)
		tracer_end_job(tracing->tracer);
}

static void tracing_write_statistics(struct tracing *tracing)
{
	struct launch *launch = tracing->launch;

	if (launch->stats_fd < 0 || tracing->failed)
		return;
	tracing->statistics.resolver = tracing->resolver_figures;
	tracing->statistics.fast_calls = fast_calls(&launch->run);
	statistics_write(launch, &tracing->statistics);
	if (launch->stats_once) {
		close(launch->stats_fd);
		launch->stats_fd = -1;
	}
}

/* True if an answer (or the deadline) is to be waited for. */
static bool tracing_ask_figures(struct tracing *tracing)
{
	const struct channel_question question = {.kind = INTERPOSE_STATISTICS};
	struct channel *channel = tracing->launch->run.channel;
	int id;

	if (tracing->launch->stats_fd < 0 || channel_resolver_pid(channel) <= 0)
		return false;
	id = channel_ask(channel, &question);
	if (id <= 0)
		return false;
	tracing->figures = (uint32_t)id;
	tracing->tracer->asked = true;
	tracing->tracer->deadline_ns = clock_now_ns() + STATISTICS_PATIENCE_NS;
	return true;
}

static void tracing_figures_done(struct tracing *tracing)
{
	tracing->figures = 0;
	tracing->tracer->deadline_ns = 0;
	if (tracing->told || tracer_is_idle(tracing->tracer))
		return;
	tracing_write_statistics(tracing);
	tracing_tell_end(tracing, false);
}

static void tracing_open_gate(struct tracing *tracing)
{
	if (tracing->gate_fd < 0)
		return;
	tracing->statistics.started_ns = clock_now_ns() - tracing->launch->start_ns;
	if (write(tracing->gate_fd, "", 1) < 0)
		tracing_fail(tracing);
	close(tracing->gate_fd);
	tracing->gate_fd = -1;
}

static void tracing_named_answered(struct tracing *tracing, uint32_t id, int error)
{
	for (size_t i = 0; i < tracing->launch->options.repositories.count; i++) {
		if (tracing->named[i] != id)
			continue;
		tracing->named[i] = 0;
		tracing->named_open--;
		if (error) /* the resolver wrote the line */
			tracing_fail(tracing);
	}
	if (tracing->named_open == 0 && !tracing->failed)
		tracing_open_gate(tracing);
}

static void tracing_before_answers(void *context)
{
	struct tracing *tracing = context;

	tracing->resolver.answered = true;
	if (tracing->resolver.complained) /* that says more */
		tracing->launch->run.said |= 1u << BROKEN_RESOLVER;
	relay_pass_on(tracing->launch);
}

static void tracing_answered(void *context, uint32_t id)
{
	struct tracing *tracing = context;
	struct channel *channel = tracing->launch->run.channel;
	struct channel_answer answer;

	if (channel_look(channel, id, &answer) != CHANNEL_ANSWERED)
		return;
	if (id == tracing->figures) {
		if (answer.error == 0 && answer.body) {
			free(tracing->resolver_figures);
			tracing->resolver_figures =
				strndup((const char *)answer.body, answer.body_len);
		}
		channel_forget(channel, id);
		tracing_figures_done(tracing);
		return;
	}
	if (tracing->named_open)
		tracing_named_answered(tracing, id, answer.error);
	channel_forget(channel, id);
}

static bool tracing_reaped(void *context, pid_t pid, int status)
{
	struct tracing *tracing = context;

	if (pid == tracing->resolver.last_pid) {
		tracing->resolver.last_pid = 0;
		tracing->resolver.last_status = status;
	}
	if (pid == tracing->formatter) {
		tracing->formatter = 0;
		return true;
	}
	if (!channel_reaped(tracing->launch->run.channel, pid))
		return false;
	tracing->tracer->asked = true;
	return true;
}

static void tracing_main_ended(void *context, int status)
{
	struct tracing *tracing = context;

	/* Descendants that live on must not hold up who reads our standard error. */
	relay_close(tracing->launch);
	tracing->statistics.wait_status = status;
	tracing->statistics.wall_ns = clock_now_ns() - tracing->launch->start_ns;
	statistics_add_children(&tracing->statistics);
	if (tracing->launch->run.trace)
		trace_flush(tracing->launch->run.trace);
	if (tracer_is_idle(tracing->tracer) || tracing_ask_figures(tracing))
		return;
	tracing_write_statistics(tracing);
	tracing_tell_end(tracing, false);
}

static void tracing_front_gone(void *context)
{
	struct tracing *tracing = context;

	/* A front that returned with the job's status leaves the descendants alone. */
	if (tracing->told && tracing->tracer->front_fd < 0 && !tracing->failed)
		return;
	tracer_end_job(tracing->tracer);
}

static void tracing_deadline(void *context)
{
	tracing_figures_done(context);
}

static int tracing_create_run(struct tracing *tracing)
{
	struct launch *launch = tracing->launch;
	struct run *run = &launch->run;
	int error;

	tracing->resolver = (struct resolver){.options = &launch->options,
					      .messages = &launch->messages,
					      .scratch = run->scratch.path};
	run->say = relay_say;
	run->say_context = launch;
	resolver_find_kept(&tracing->resolver, run->environment);
	run->kept = resolver_kept(&tracing->resolver);
	error = run_create(run, resolver_start, &tracing->resolver, tracer_wake);
	if (error < 0 || !launch->options.trace)
		return error;
	return formatter_start(&launch->options, &launch->messages, run->scratch.path,
			       &tracing->formatter, &run->trace);
}

static void tracing_destroy_run(struct tracing *tracing)
{
	struct run *run = &tracing->launch->run;
	pid_t resolver = run->channel ? channel_resolver_pid(run->channel) : 0;

	errands_destroy(run->errands);
	/* Both helpers end when they have read what is left. */
	trace_close(run->trace);
	channel_destroy(run->channel);
	helper_finish(tracing->formatter, HELPER_PATIENCE_MS);
	helper_finish(resolver, HELPER_PATIENCE_MS);
	fast_destroy(run);
	run_destroy(run);
	scratches_remove(tracing->launch);
}

/* FQRN of FQRN[@...][=URL...][,pubkey=FILE] */
static int tracing_ask_named(struct tracing *tracing)
{
	const struct text_list *wanted = &tracing->launch->options.repositories;
	struct run *run = &tracing->launch->run;

	tracing->named = calloc(wanted->count + 1, sizeof(*tracing->named));
	if (!tracing->named)
		return -ENOMEM;
	for (size_t i = 0; i < wanted->count; i++) {
		char fqrn[256];
		struct channel_question question = {.kind = INTERPOSE_OPEN,
						    .flags = INTERPOSE_QUESTION_NAMED,
						    .fqrn = fqrn};
		int id;

		snprintf(fqrn, sizeof(fqrn), "%.*s",
			 (int)strcspn(wanted->items[i], "@=,"), wanted->items[i]);
		if (mounts_open_kept(run, fqrn, strlen(fqrn)))
			continue;
		id = channel_ask(run->channel, &question);
		if (id < 0)
			return -EIO;
		/* Named twice: one question, one answer. */
		for (size_t j = 0; j < i && id; j++)
			if (tracing->named[j] == (uint32_t)id)
				id = 0;
		tracing->named[i] = (uint32_t)id;
		tracing->named_open += id != 0;
	}
	tracing->tracer->asked = true;
	return 0;
}

/* From here on the job is a matter of the loop. */
static int tracing_start(struct tracing *tracing)
{
	static const struct tracer_hooks shape = {.before_answers =
							  tracing_before_answers,
						  .answered = tracing_answered,
						  .reaped = tracing_reaped,
						  .main_ended = tracing_main_ended,
						  .front_gone = tracing_front_gone,
						  .deadline = tracing_deadline};
	struct launch *launch = tracing->launch;
	struct tracer_hooks *hooks = malloc(sizeof(*hooks));
	struct job job = {.heritage = &launch->heritage,
			  .filter = &tracing->filter,
			  .command = launch->options.command,
			  .failure_fd = launch->failure_write,
			  .front_fd = launch->tracer_fd,
			  .names_are_plain = launch->run.fast};
	pid_t pid;
	int error;

	if (!hooks)
		return -ENOMEM;
	*hooks = shape;
	hooks->context = tracing;
	pid = job_fork(&job, &tracing->gate_fd);
	if (pid < 0)
		return (int)pid;
	close(launch->failure_write);
	/* No terminal and no process group knows the tracer; a parent in another
	 * session does not change whether the job's group is orphaned. */
	setsid();
	heritage_drop(&launch->heritage);
	relay_open(launch);
	dup3(launch->relay_write, STDERR_FILENO, 0);
	if (launch->messages.fd == STDERR_FILENO ||
	    launch->relay_write != STDERR_FILENO)
		close(launch->relay_write);
	error = tracer_create(&launch->run, hooks,
			      (struct tracer_front){launch->tracer_fd,
						    launch->front_pid, launch->pulse},
			      &tracing->tracer);
	if (error < 0)
		return error;
	error = tracer_seize(tracing->tracer, pid);
	if (error < 0) {
		message_refused(&launch->messages, pid, error);
		close(tracing->gate_fd); /* ends it */
		waitpid(pid, NULL, 0);
		return -EIO;
	}
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* shut to the job: /proc, ptrace */
	successor_start(launch);
	return tracing_create_run(tracing);
}

int tracing_run(struct launch *launch)
{
	struct tracing tracing = {.launch = launch, .gate_fd = -1};
	int error;

	tracing.statistics.command = launch->options.command;
	tracing.statistics.counters = &launch->run.counters;
	error = scratches_make(launch) ? -EIO : 0;
	if (error == 0)
		error = filters_make(launch, &tracing.filter);
	if (error == 0)
		error = tracing_start(&tracing);
	if (error == 0)
		error = tracing_ask_named(&tracing);
	/* -EIO: the line was written where it was known better. */
	if (error < 0 && error != -EIO)
		message_no_run(&launch->messages, -error);
	if (error < 0)
		tracing_fail(&tracing);
	else if (tracing.named_open == 0)
		tracing_open_gate(&tracing);
	if (tracing.tracer && tracing.tracer->main_pid && error != -EIO) {
		tracer_run(tracing.tracer);
		if (tracing_ask_figures(&tracing))
			tracer_run(tracing.tracer);
		tracing_write_statistics(&tracing);
	}
	tracing_destroy_run(&tracing);
	tracing_tell_end(&tracing, true);
	return error < 0 ? STATUS_OURS : 0;
}
