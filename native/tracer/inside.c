/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers what an inner interpose_run asks. */
#define _GNU_SOURCE 1
#include "tracer/inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "find/footing.h"
#include "interpose.h"
#include "run/channel.h"
#include "run/clock.h"
#include "run/mounts.h"
#include "shown/credentials.h"

enum { OPENED_SIZE = 16 * 1024 };

/* The answer to a question, asked when the call comes the first time. False: the
 * verdict says how the call goes on. */
static bool has_answer(struct run *run, struct tracee *tracee,
		       const struct channel_question *question,
		       struct channel_answer *ret_answer, enum verdict *ret_verdict)
{
	enum channel_state state = CHANNEL_UNKNOWN;
	int id;

	if (tracee->question)
		state = channel_look(run->channel, tracee->question, ret_answer);
	if (state == CHANNEL_ANSWERED)
		return true;
	if (state == CHANNEL_UNKNOWN) {
		id = channel_ask(run->channel, question);
		if (id <= 0) {
			*ret_verdict = tracee_answer(tracee, -EIO);
			return false;
		}
		tracee->question = (uint32_t)id;
	}
	*ret_verdict = VERDICT_WAIT;
	return false;
}

static enum verdict describe(const struct run *run, struct tracee *tracee)
{
	const uint64_t *args = tracee->stop.args;

	if (run->settings_size > args[3])
		return tracee_answer(tracee, -E2BIG);
	if (tracee_write(tracee, args[2], run->settings, run->settings_size) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, (int64_t)run->settings_size);
}

/* ---- additions ---- */

/* The resolver reads files as the run's user, by names as they are in the run's mounts:
 * it does so only for who could read them, by the same names. */
static bool is_obeyed(const struct run *run, struct tracee *tracee)
{
	const struct credentials *who = credentials_of(run, tracee);
	const struct footing *footing = footing_of(run, tracee);

	return !who->other_user && who->fsuid == run->uid &&
	       who->real_uid == run->uid && who->fsgid == run->gid &&
	       !footing->other_root && !footing->other_mounts;
}

/* What is open is the tracer's to say: it opens kept mount files without a resolver. */
static int list_opened(const struct run *run, char *text, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < mounts_count(run->mounts); i++) {
		int length;

		if (!mounts_is_open(run->mounts, i))
			continue;
		length = snprintf(text + used, size - used, "open=%s",
				  mounts_fqrn(run->mounts, i));
		if (length < 0 || (size_t)length >= size - used)
			return -E2BIG;
		used += (size_t)length + 1;
	}
	return (int)used;
}

/* 0 and the question with a text of ours, or a negative errno. The list stands first:
 * no text of the job's can hide what is in it. */
static int make_addition(const struct run *run, struct tracee *tracee,
			 struct channel_question *ret_question)
{
	static char text[INSIDE_TEXT_SIZE + OPENED_SIZE];
	const uint64_t *args = tracee->stop.args;
	int used;

	if (!is_obeyed(run, tracee))
		return -EPERM;
	used = list_opened(run, text, OPENED_SIZE);
	if (used < 0 || args[3] > INSIDE_TEXT_SIZE)
		return -E2BIG;
	if (tracee_read(tracee, args[2], text + used, args[3]) < 0)
		return -EFAULT;
	*ret_question = (struct channel_question){.kind = INTERPOSE_ADD,
						  .fqrn = "",
						  .body = text,
						  .body_len = (size_t)used + args[3]};
	return 0;
}

static enum verdict add(struct run *run, struct tracee *tracee)
{
	static char line[INSIDE_REPLY_SIZE];
	struct channel_question question;
	struct channel_answer answer;
	enum verdict verdict;
	size_t size;
	int error = make_addition(run, tracee, &question);

	if (error < 0)
		return tracee_answer(tracee, error);
	/* What earlier jobs left was made without what is added. */
	run->kept = NULL;
	if (!has_answer(run, tracee, &question, &answer, &verdict))
		return verdict;
	if (answer.error)
		return tracee_answer(tracee, -EIO);
	if (answer.body_len == 0)
		mounts_forget_failures(run->mounts);
	size = answer.body_len < sizeof(line) ? answer.body_len : sizeof(line) - 1;
	memset(line, 0, sizeof(line));
	memcpy(line, answer.body, size);
	if (size && tracee_write(tracee, tracee->stop.args[4], line, sizeof(line)) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, (int64_t)size);
}

/* ---- figures ---- */

static int64_t own_ns(void)
{
	struct timespec used = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

static enum verdict begin(struct run *run, struct tracee *tracee)
{
	const struct channel_question question = {.kind = INTERPOSE_STATISTICS,
						  .fqrn = ""};
	struct channel_answer answer = {0};
	enum verdict verdict;
	struct inner *inner;

	if (channel_resolver_pid(run->channel) > 0 &&
	    !has_answer(run, tracee, &question, &answer, &verdict) &&
	    verdict == VERDICT_WAIT)
		return verdict;
	inner = inner_begin(run, tracee);
	if (!inner)
		return tracee_answer(tracee, -ENOMEM);
	inner->front_name = (pid_t)tracee->stop.args[2];
	inner->begun_ns = own_ns();
	free(inner->begun);
	inner->begun = answer.body && !answer.error
			       ? strndup((const char *)answer.body, answer.body_len)
			       : run_figures_left(run);
	return tracee_answer(tracee, 0);
}

static enum verdict give_figures(struct tracee *tracee, const struct inner *inner,
				 const char *text, size_t size)
{
	const uint64_t *args = tracee->stop.args;
	struct inside_figures figures = {.counters = inner->counters,
					 .tracer_ns = own_ns() - inner->begun_ns};

	if (size > args[4])
		size = 0;
	if (tracee_write(tracee, args[2], &figures, sizeof(figures)) < 0 ||
	    (size && tracee_write(tracee, args[3], text, size) < 0))
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, (int64_t)size);
}

/* A resolver subtracts; where there never was one there is nothing to subtract. */
static enum verdict end(struct run *run, struct tracee *tracee)
{
	struct channel_question question = {.kind = INTERPOSE_STATISTICS, .fqrn = ""};
	struct inner *inner = inner_find(run, tracee->process->front_inner);
	struct channel_answer answer = {0};
	enum verdict verdict;
	char *left;

	if (!inner)
		return tracee_answer(tracee, -EINVAL);
	question.body = inner->begun;
	question.body_len = inner->begun ? strlen(inner->begun) : 0;
	if (inner->begun || channel_resolver_pid(run->channel) > 0) {
		if (!has_answer(run, tracee, &question, &answer, &verdict) &&
		    verdict == VERDICT_WAIT)
			return verdict;
		return give_figures(tracee, inner, (const char *)answer.body,
				    answer.error ? 0 : answer.body_len);
	}
	left = run_figures_left(run);
	verdict = give_figures(tracee, inner, left, left ? strlen(left) : 0);
	free(left);
	return verdict;
}

/* ---- signals ---- */

static enum verdict report(struct run *run, struct tracee *tracee)
{
	struct inner *inner = inner_find(run, tracee->process->front_inner);
	struct event event;

	if (!inner || tracee_read(tracee, tracee->stop.args[2], &event, sizeof(event)))
		return tracee_answer(tracee, -EFAULT);
	/* Its SIGCONT and SIGCHLD of ours; in a PID namespace we have no number. */
	if (inner->main > 0 && event.sender.pid && event.sender.pid != getpid())
		signals_report(&inner->signals, inner->main, &event);
	return tracee_answer(tracee, 0);
}

static enum verdict give_due(struct run *run, struct tracee *tracee)
{
	struct inner *inner = inner_find(run, tracee->process->front_inner);
	struct event event = {.kind = EVENT_SIGNAL};
	struct signal_note note;

	if (!inner || inner->main <= 0)
		return tracee_answer(tracee, 0);
	if (!signals_take_due(&inner->signals, inner->main, clock_now_ns(), &note))
		return tracee_answer(tracee, signals_deadline(&inner->signals) ? 2 : 0);
	event.number = note.number;
	event.sender = note.sender;
	if (tracee_write(tracee, tracee->stop.args[2], &event, sizeof(event)) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, 1);
}

static enum verdict give_stop(const struct run *run, struct tracee *tracee)
{
	const struct inner *inner = inner_find(run, tracee->process->front_inner);

	if (!inner || !inner->stopped_by)
		return tracee_answer(tracee, 0);
	return tracee_answer(tracee, inner->stopped_by +
					     (int64_t)INSIDE_STOP_UNIT * inner->stops);
}

int inside_answer(struct run *run, struct tracee *tracee)
{
	switch (tracee->stop.args[1]) {
	case INSIDE_ASK:
		return (int)tracee_answer(tracee, 0);
	case INSIDE_DESCRIBE:
		return (int)describe(run, tracee);
	case INSIDE_ADD:
		return (int)add(run, tracee);
	case INSIDE_BEGIN:
		return (int)begin(run, tracee);
	case INSIDE_END:
		return (int)end(run, tracee);
	case INSIDE_SIGNAL:
		return (int)report(run, tracee);
	case INSIDE_DUE:
		return (int)give_due(run, tracee);
	case INSIDE_STOPPED:
		return (int)give_stop(run, tracee);
	default:
		return (int)tracee_answer(tracee, -EINVAL);
	}
}
