/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A /proc of another pid namespace has other numbers for the same processes
 * (pid_namespaces(7)). */
#ifndef FIND_PIDSPACE_H
#define FIND_PIDSPACE_H

#include "run/run.h"
#include "tracee/tracee.h"

struct pidspace_numbers {
	pid_t tgid, tid;
};

/* What `tracee` is called in the /proc that `proc` is the root of; false: not there. */
bool pidspace_numbers_in(int proc, const struct tracee *tracee,
			 struct pidspace_numbers *ret_numbers);
/* The tracee whose directory of another /proc is `up`, "" or "../", from `dir`, in our
 * own numbers; 0: none. */
pid_t pidspace_find(const struct run *run, int dir, const char *up);

#endif
