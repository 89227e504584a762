/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One start of interpose_run, as front and tracer share it at the fork. */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include <stdint.h>

#include "launch/job.h"
#include "launch/messages.h"
#include "launch/options.h"
#include "run/run.h"

struct pulse;

struct launch {
	struct options options;
	struct messages messages;
	struct heritage heritage;
	struct run run;
	/* Shared by front and tracer, who makes them. */
	struct scratch *scratch;
	struct scratch *memory;
	struct pulse *pulse; /* shared, the tracer's */
	int64_t start_ns;
	int front_fd, tracer_fd;	 /* the two ends of their pair */
	int failure_read, failure_write; /* a job_failure */
	int relay_read,
		relay_write; /* what tracer and helpers say, to standard error */
	int voice;    /* the tracer's own way there while the main process lives; -1 */
	int stats_fd; /* -1: none */
	bool stats_once; /* standard error: written once, then let go */
	pid_t front_pid, tracer_pid;
};

/* front.c: until there is a status to end with. */
struct front_result {
	int status;
	int signal; /* 0, or the signal to die of */
	bool ours;  /* something of ours failed: the status is not the job's */
};
struct front_result front_run(struct launch *launch);
/* Ends this process as the job's main process ended. */
void front_end(const struct front_result *result) __attribute__((noreturn));

/* tracing.c: the tracer's process; returns its own status. */
int tracing_run(struct launch *launch);

#endif
