/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can this node run interpose, and how well? Each finding is a row of table.c. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <limits.h>
#include <sys/types.h>

#include "doctor/finding.h"

/* What a look is told. Empty texts: not known, or none. */
struct doctor_node {
	const char *scratch;	    /* the directory that a scratch is made in */
	const char *memory;	    /* and the one in memory; NULL: none */
	const char *python;	    /* the interpreter */
	const char *python_problem; /* why there is none, and what to do */
	const char *python_advice;
	const char *place; /* a cache's directory */
};

typedef void doctor_look(const struct doctor_node *node, struct finding *finding);

struct doctor_row {
	const char *name;
	doctor_look *look;  /* says nothing where there is nothing to say */
	const char *advice; /* what to do, if it is not "ok" */
};

extern const struct doctor_row doctor_rows[];
extern const size_t doctor_row_count;

/* The row of this name; also "cache" and "alien cache", which need a place. */
const struct doctor_row *doctor_row(const char *name);
/* Looks, in a process of its own: one that does not answer in time is left behind. */
void doctor_examine(const struct doctor_row *row, const struct doctor_node *node,
		    struct findings *findings);

/* Why PTRACE_SEIZE of our child `pid` failed with `error` (negative errno): a text, and
 * the name of the row that says the same. */
const char *doctor_why_refused(pid_t pid, int error, char *ret_text, size_t size);

doctor_look look_at_kernel, look_at_proc, look_at_descriptors, look_at_processes,
	look_at_memory, look_at_python, look_at_cvmfs;
doctor_look look_at_tracers, look_at_yama, look_at_ptrace, look_at_seccomp,
	look_at_process_vm;
doctor_look look_at_scratch, look_at_cache, look_at_alien_cache;

#endif
