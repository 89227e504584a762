/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What front and tracer tell each other, over a SOCK_SEQPACKET pair. */
#ifndef TRACER_EVENTS_H
#define TRACER_EVENTS_H

#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

enum event_kind {
	/* to the tracer */
	EVENT_SIGNAL = 1, /* front got `number`; `sender`: its siginfo */
	EVENT_END_JOB,	  /* kill what is left and come to an end */
	/* to front */
	EVENT_STOPPED,	 /* the job's main process, by signal `number` */
	EVENT_CONTINUED, /* sent before SIGCONT is sent to front */
	EVENT_ENDED,	 /* `number`: its wait status; `last`: no process is left */
	EVENT_FAILED	 /* the job was never started; the line was written */
};

struct event_sender {
	int32_t code; /* si_code */
	int32_t pid;
	uint32_t uid;
	uint32_t reserved;
	uint64_t value; /* si_value of sigqueue() */
};

struct event {
	uint32_t kind;
	int32_t number;
	uint32_t last;
	uint32_t reserved;
	struct event_sender sender;
};

/* EVENT_SIGNAL for what was read from a signalfd. */
struct event event_of_signal(const struct signalfd_siginfo *info);
/* 0 or a negative errno; -EPIPE: the other side is gone. */
int event_send(int fd, const struct event *event);
/* 1: an event; 0: the other side is gone; -EAGAIN: nothing there. */
int event_receive(int fd, struct event *ret_event);

#endif
