/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stub in the job's processes: who gets it, when, and what it is told. A process
 * has it after its first calls that it would have spared; whatever fails here leaves a
 * process as it is, traced. */
#ifndef FAST_FAST_H
#define FAST_FAST_H

#include "path/walk.h"
#include "run/run.h"
#include "tracee/tracee.h"

struct call_numbers;

struct fast_wishes {
	unsigned int after; /* so many calls of a program come first */
	uint64_t leave_at;  /* at this stop of the run all is left to us; 0: never */
	bool counting;	    /* fast_calls() will be asked */
	const char *cache;  /* the private one; NULL: none */
};

/* Sets run->fast; it stays NULL where the stub is not linked, or where host names would
 * need more than the stub knows. `numbers`: of the calls that it answers. 0 or
 * -ENOMEM. */
int fast_create(struct run *run, const struct call_numbers *numbers,
		const struct fast_wishes *wishes);
void fast_destroy(struct run *run);
/* For filter_build(); 0: no stub. */
uint64_t fast_secret(const struct run *run);
/* Calls that stubs have answered so far. */
uint64_t fast_calls(const struct run *run);

/* At the entry of a call that the stub could answer (`answers`), or of any other. True:
 * *ret_verdict is to be carried out, and the call comes again. */
bool fast_enter(struct run *run, struct tracee *tracee, bool answers,
		enum verdict *ret_verdict);
/* A file of ours may be opened, by a name that begins at a place of ours and with flags
 * that the stub knows. True: *ret_verdict makes the call come again, in the stub. */
bool fast_sends_back(struct run *run, struct tracee *tracee, const struct place *place,
		     enum verdict *ret_verdict);
/* When a stop is decided: what stubs have to know of it by the time it ends. */
void fast_decided(struct run *run, struct tracee *tracee);
/* A child that has not run yet; before anything else is told. */
void fast_born(struct run *run, struct tracee *child);
/* The working directory of the tracee, and of whoever shares it, changes. */
void fast_moves(struct run *run, struct tracee *tracee);
/* From now on all calls of this process are ours; and of all. */
void fast_leave(struct run *run, struct tracee *tracee);
void fast_leave_all(struct run *run);
/* A signal that an instruction of the stub has raised: true, if the call goes on at its
 * site instead. */
bool fast_fault(struct run *run, struct tracee *tracee, int signal);

#endif
