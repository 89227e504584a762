/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The job's main process until its exec, and what it must find as interpose_run found
 * it. */
#ifndef LAUNCH_JOB_H
#define LAUNCH_JOB_H

#include <linux/filter.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* What interpose_run inherited and the job inherits. */
struct heritage {
	uint64_t mask; /* as the kernel has it: the C library hides two signals */
	struct sigaction actions[NSIG];
	int *fds; /* from 3 on */
	size_t fd_count;
	struct rlimit limits[RLIM_NLIMITS];
};

enum job_stage { JOB_FILTER = 1, JOB_EXEC };

/* From the job's main process to front when COMMAND did not come to run. */
struct job_failure {
	enum job_stage stage;
	int error; /* positive errno */
};

/* Raises our own limits, fills what is closed of 0, 1, 2 (close-on-exec), notes the
 * other descriptors, saves and then blocks all signals. 0 or a negative errno. */
int heritage_take(struct heritage *ret_heritage);
/* Lets go of what only the job may hold open, 0 and 1 included: a reader must see the
 * end of a pipe when the job closes it. */
void heritage_drop(const struct heritage *heritage);

struct job {
	const struct heritage *heritage;
	const struct sock_fprog *filter;
	char **command;
	int failure_fd;	      /* where a job_failure goes */
	int front_fd;	      /* of the tracer: the job must not keep it open */
	bool names_are_plain; /* those of the host mean what the host has */
};

/* Forks the main process; it starts when a byte is written to *ret_gate_fd and ends
 * when that is closed. Its pid or a negative errno. */
pid_t job_fork(const struct job *job, int *ret_gate_fd);
/* In the caller's place, without a filter: returns an errno, negative. */
int job_exec(const struct heritage *heritage, char **command);

#endif
