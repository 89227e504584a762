/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop that waits for stops, answers and signals, and answers each. One thread. */
#ifndef TRACER_TRACER_H
#define TRACER_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "run/run.h"
#include "tracee/tracee.h"
#include "tracer/linger.h"
#include "tracer/signals.h"

struct errand;
struct pulse;

/* What launch/ wants to hear. */
struct tracer_hooks {
	void *context;
	/* Answers are about to be handed out: what was said before them goes first. */
	void (*before_answers)(void *context);
	/* An answer of the resolver that no tracee waits for. */
	void (*answered)(void *context, uint32_t id);
	/* Something has ended that is no tracee: was it a helper of ours? */
	bool (*reaped)(void *context, pid_t pid, int status);
	/* The job's main process has ended; its children's usage is up to date. */
	void (*main_ended)(void *context, int status);
	/* Front is gone, or asks for the end of all. */
	void (*front_gone)(void *context);
	/* Called when `deadline_ns` of the tracer has passed. */
	void (*deadline)(void *context);
};

/* A stop or an end that was seen before the parent's event told whose child it is. */
struct early_stop {
	pid_t tid;
	int status;
	int64_t time_ns;
};

struct tracer {
	struct run *run;
	const struct tracer_hooks *hooks;
	struct tracees *tracees;
	struct signals signals;
	int front_fd;
	pid_t front_pid;
	struct pulse *pulse;
	pid_t own_pid;
	pid_t main_pid;
	bool main_ended;
	bool main_stopped;
	bool ending; /* everything that still moves is killed */
	bool asked;  /* a handler asked since answers were last looked for */
	struct lingering linger;
	int64_t waiters_ns;  /* next look at signals of threads that wait; 0: none do */
	int64_t deadline_ns; /* 0: none */
	int64_t recheck_ns;  /* look for ends once more then; 0: no */
	struct early_stop *early;
	size_t early_count, early_capacity;
	pid_t *at_entry; /* tids whose next call stop is an entry */
	size_t at_entry_count, at_entry_capacity;
};

/* Blocks all signals of this process; they are only ever taken by the loop. */
void tracer_block_signals(void);
/* Wakes the loop, from whatever thread. */
void tracer_wake(void);
/* Makes `fd` raise the signal that wakes the loop. 0 or a negative errno. */
int tracer_watch(int fd);

/* Who is told what becomes of the job. */
struct tracer_front {
	int fd;
	pid_t pid;
	struct pulse *pulse;
};

int tracer_create(struct run *run, const struct tracer_hooks *hooks,
		  struct tracer_front front, struct tracer **ret_tracer);
void tracer_destroy(struct tracer *tracer);
/* Makes `pid`, a child of ours that waits for it, the job's main process. 0 or a
 * negative errno of PTRACE_SEIZE. */
int tracer_seize(struct tracer *tracer, pid_t pid);
/* Returns when the job is gone and no deadline is set. */
void tracer_run(struct tracer *tracer);
/* Kills every process of the job. */
void tracer_end_job(struct tracer *tracer);
/* No process of the job is left. */
bool tracer_is_idle(const struct tracer *tracer);

/* waiters.c: a call has begun to wait; and the look at all that do. */
void waiters_note(struct tracer *tracer);
void waiters_tick(struct tracer *tracer, int64_t now_ns);

/* stops.c */
void stops_handle(struct tracer *tracer, pid_t tid, int status);
/* At the entry of a call, or once more when what it waited for is there. */
void stops_enter(struct tracer *tracer, struct tracee *tracee);

/* again.c */
/* Runs the calls again that waited for the answer to question `id`; false: none did. */
bool again_answered(struct tracer *tracer, uint32_t id);
/* The same for an errand that ended with `error` (0 or a negative errno). Takes over
 * its argument. */
void again_errand_ended(struct tracer *tracer, uint32_t id, struct errand *errand,
			int error);

/* execs.c */
/* Nothing is done with this leader now: its id may be another thread's. */
bool execs_hold(const struct tracee *tracee);
/* After the verdict about a call: what to do if it is an execve of such a thread. */
enum verdict execs_begin(struct tracee *tracee, enum verdict verdict);
/* It has failed, or the thread has ended: gives the leader, if something was held for
 * it. The status of a stop is to be handled now; 0: it is to enter its call again. */
struct tracee *execs_end(struct tracer *tracer, struct tracee *tracee, int *ret_status);
/* At the exec event: `leader` is now the thread that was `former`. */
void execs_take_over(struct tracer *tracer, struct tracee *leader, pid_t former);
/* Of whom a stop is that was collected for a leader while a thread of its executes: of
 * the leader (hold it), of nobody any more, or of the thread, at the end of a call that
 * has failed. */
enum execs_leader { EXECS_OLD_LEADER, EXECS_OTHER_STOP, EXECS_NEW_LEADER };
enum execs_leader execs_who_leads(struct tracer *tracer, struct tracee *leader);
/* No thread of its process is left. */
void execs_leader_ended(struct tracer *tracer, struct tracee *leader);

/* births.c */
/* At the event of a fork, vfork or clone of `parent`. True: the child's first stop came
 * before, and is to be handled now. */
bool births_of_parent(struct tracer *tracer, struct tracee *parent,
		      struct early_stop *ret_stop);
/* A stop or end of `tid`, of which nothing is known yet. */
void births_keep_early(struct tracer *tracer, pid_t tid, int status);
/* 1 and the status that was kept; 0: nothing was. */
int births_take_early(struct tracer *tracer, pid_t tid, int *ret_status);
/* Takes in an early child whose parent never told of it; its stop is to be handled now.
 * False: there is none. */
bool births_adopt(struct tracer *tracer, int64_t now_ns, struct early_stop *ret_stop);
/* When to call births_adopt(); 0: no need. */
int64_t births_deadline(const struct tracer *tracer);

#endif
