/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --stats: one JSON object (interface: "Stats file"). */
#ifndef LAUNCH_STATISTICS_H
#define LAUNCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/run.h"

struct statistics {
	char **command;
	int wait_status; /* of the main process */
	int64_t wall_ns;
	int64_t started_ns; /* from our start to the gate */
	double job_user_s, job_system_s;
	uint64_t job_max_rss_bytes;
	const struct counters *counters;
	uint64_t fast_calls;  /* that the stub has answered */
	bool joined;	      /* of an inner run, whose tracer is another's: */
	double tracer_s;      /* what that has used meanwhile */
	const char *resolver; /* its JSON object; NULL: it does not run */
};

struct launch;

/* A resolver that ended because nobody asked it has left its numbers in the scratch. */
void statistics_write(const struct launch *launch, const struct statistics *statistics);
/* Usage of children that have ended and were waited for. */
void statistics_add_children(struct statistics *statistics);

#endif
