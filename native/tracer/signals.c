/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "tracer/signals.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "run/clock.h"
#include "tracer/tracer.h"

/* How long the main process may take to show its own copy of a group's signal. */
static const int64_t witness_ns = 100 * 1000000LL;
/* Front may be late to report what the main process got long ago: front may be stopped.
 */
static const int64_t remember_ns = 1000 * 1000000LL;

enum { FIRST_QUEUED = 32 }; /* the kernel's SIGRTMIN */

static bool signals_equal(const struct signal_note *note, int number,
			  const struct event_sender *sender)
{
	return note->number == number && note->sender.code == sender->code &&
	       note->sender.pid == sender->pid && note->sender.uid == sender->uid;
}

static bool signals_take(struct signal_note *notes, int number,
			 const struct event_sender *sender, int64_t oldest_ns)
{
	for (int i = 0; i < SIGNALS_REMEMBERED; i++) {
		if (notes[i].time_ns < oldest_ns)
			notes[i].number = 0;
		else if (signals_equal(&notes[i], number, sender)) {
			notes[i].number = 0;
			return true;
		}
	}
	return false;
}

/* The oldest note gives way when all places are taken. */
static void signals_keep(struct signal_note *notes, const struct signal_note *note)
{
	int place = 0;

	for (int i = 0; i < SIGNALS_REMEMBERED; i++) {
		if (notes[i].number == 0) {
			place = i;
			break;
		}
		if (notes[i].time_ns < notes[place].time_ns)
			place = i;
	}
	notes[place] = *note;
}

void signals_read(pid_t tid, struct signal_masks *ret_masks)
{
	char path[64], *line = NULL;
	unsigned long long set;
	size_t size = 0; /* the line of groups, before these, has no small bound */
	FILE *status;

	*ret_masks = (struct signal_masks){0};
	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	status = fopen(path, "re");
	while (status && getline(&line, &size, status) > 0) {
		if (sscanf(line, "SigPnd: %llx", &set) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &set) == 1) {
			ret_masks->pending |= set;
		} else if (sscanf(line, "SigBlk: %llx", &set) == 1) {
			ret_masks->blocked = set;
		} else if (sscanf(line, "SigIgn: %llx", &set) == 1) {
			ret_masks->ignored = set;
		} else if (sscanf(line, "SigCgt: %llx", &set) == 1) {
			ret_masks->caught = set;
			break;
		}
	}
	free(line);
	if (status)
		fclose(status);
}

bool signals_ignored(pid_t tid, int number)
{
	bool by_default = number == SIGCHLD || number == SIGCONT || number == SIGURG ||
			  number == SIGWINCH;
	uint64_t bit = UINT64_C(1) << (number - 1);
	struct signal_masks masks;

	signals_read(tid, &masks);
	return masks.ignored & bit || (by_default && !(masks.caught & bit));
}

/* Is `number` pending at the main process? It then has its own copy, or natively a
 * second one would have merged with it. */
static bool signals_pending(pid_t main_pid, int number)
{
	struct signal_masks masks;

	signals_read(main_pid, &masks);
	return masks.pending >> (number - 1) & 1;
}

static void signals_pass_on(pid_t main_pid, const struct signal_note *note)
{
	if (note->sender.code == SI_QUEUE) {
		siginfo_t info = {.si_signo = note->number, .si_code = SI_QUEUE};

		info.si_pid = getpid();
		info.si_uid = note->sender.uid;
		info.si_value.sival_ptr = (void *)(uintptr_t)note->sender.value;
		if (syscall(__NR_rt_sigqueueinfo, main_pid, note->number, &info) == 0)
			return;
	}
	kill(main_pid, note->number);
}

/* A terminal sends these to its foreground group as a whole, never to one process. */
static bool signals_for_groups_only(const struct event *event)
{
	return event->sender.code == SI_KERNEL &&
	       (event->number == SIGINT || event->number == SIGQUIT ||
		event->number == SIGTSTP || event->number == SIGWINCH ||
		event->number == SIGTTIN || event->number == SIGTTOU);
}

void signals_report(struct signals *signals, pid_t main_pid, const struct event *event)
{
	struct signal_note note = {.number = event->number,
				   .time_ns = clock_now_ns(),
				   .sender = event->sender};

	if (event->number < 1 || event->number >= NSIG ||
	    signals_for_groups_only(event))
		return;
	if (signals_take(signals->seen, note.number, &note.sender,
			 note.time_ns - remember_ns))
		return;
	signals_keep(signals_pending(main_pid, note.number) ? signals->expected
							    : signals->reported,
		     &note);
}

/* The job learns who sent it, not who passed it on. */
static void signals_restore_sender(pid_t tid, siginfo_t *info,
				   const struct signal_note *note)
{
	info->si_code = note->sender.code;
	info->si_pid = note->sender.pid;
	info->si_uid = note->sender.uid;
	info->si_value.sival_ptr = (void *)(uintptr_t)note->sender.value;
	ptrace(PTRACE_SETSIGINFO, tid, 0, info);
}

/* Timers, children and faults would only crowd out what front may report. */
static bool signals_can_be_for_groups(const struct signal_note *note)
{
	return note->number != SIGCHLD &&
	       (note->sender.code == SI_USER || note->sender.code == SI_QUEUE ||
		note->sender.code == SI_KERNEL);
}

/* True: it is one that front has reported. Whoever sent a signal that was pending,
 * others of its number have become one with it, unless such signals queue. */
static bool signals_settle(struct signals *signals, const struct signal_note *delivered)
{
	bool found = signals_take(signals->expected, delivered->number,
				  &delivered->sender, 0);

	for (int i = 0; i < SIGNALS_REMEMBERED && delivered->number < FIRST_QUEUED; i++)
		if (signals->expected[i].number == delivered->number)
			signals->expected[i].number = 0;
	return found;
}

static bool signals_has(const struct signal_note *notes, int number)
{
	for (int i = 0; i < SIGNALS_REMEMBERED; i++)
		if (notes[i].number == number)
			return true;
	return false;
}

/* A child has ended, as ever: of such a signal nothing is kept, and nobody told of one.
 */
static bool signals_is_plain(const struct signals *signals, int number)
{
	return number == SIGCHLD && !signals_has(signals->expected, number) &&
	       !signals_has(signals->passed, number);
}

void signals_deliver(struct signals *signals, pid_t passer, pid_t tid, int number)
{
	struct signal_note note = {.number = number, .time_ns = clock_now_ns()};
	siginfo_t info;
	bool expected;

	if (signals_is_plain(signals, number) ||
	    ptrace(PTRACE_GETSIGINFO, tid, 0, &info) < 0)
		return;
	note.sender.code = info.si_code;
	note.sender.pid = info.si_pid;
	note.sender.uid = info.si_uid;
	expected = signals_settle(signals, &note);
	if (info.si_pid == passer && info.si_code <= 0) {
		for (int i = 0; i < SIGNALS_REMEMBERED; i++) {
			if (signals->passed[i].number != number)
				continue;
			signals_restore_sender(tid, &info, &signals->passed[i]);
			signals->passed[i].number = 0;
			return;
		}
		return;
	}
	if (!signals_can_be_for_groups(&note))
		return;
	if (!signals_take(signals->reported, number, &note.sender, 0) && !expected)
		signals_keep(signals->seen, &note);
}

bool signals_take_due(struct signals *signals, pid_t main_pid, int64_t now_ns,
		      struct signal_note *ret_note)
{
	for (int i = 0; i < SIGNALS_REMEMBERED; i++) {
		struct signal_note *note = &signals->reported[i];

		if (note->number == 0 || now_ns < note->time_ns + witness_ns)
			continue;
		*ret_note = *note;
		note->number = 0;
		if (signals_pending(main_pid, ret_note->number)) {
			signals_keep(signals->expected, ret_note);
			continue;
		}
		signals_keep(signals->passed, ret_note);
		return true;
	}
	return false;
}

void signals_tick(struct signals *signals, pid_t main_pid, int64_t now_ns)
{
	struct signal_note note;

	while (signals_take_due(signals, main_pid, now_ns, &note))
		signals_pass_on(main_pid, &note);
}

int64_t signals_deadline(const struct signals *signals)
{
	int64_t earliest = 0;

	for (int i = 0; i < SIGNALS_REMEMBERED; i++) {
		int64_t deadline = signals->reported[i].time_ns + witness_ns;

		if (signals->reported[i].number && (!earliest || deadline < earliest))
			earliest = deadline;
	}
	return earliest;
}
