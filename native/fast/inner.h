/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef FAST_INNER_H
#define FAST_INNER_H

#include "fast/fast.h"
#include "fast/texts.h"
#include "stub/state.h"

enum { HOT_PROGRAMS = 64 };

struct fast {
	uint64_t secret;
	struct fast_wishes wishes;
	struct call_numbers numbers;
	struct recipes *recipes;
	char program[4096]; /* our own file, in which the stub's code is */
	uint64_t file_offset;
	uint64_t file_dev, file_ino; /* as /proc/PID/maps has them */
	bool is_prepared;	     /* the program and its code are found */
	bool proc_elsewhere;
	bool dead; /* nobody gets it any more */
	/* Programs that have made so many calls before: they get it at the first. */
	struct hot_program {
		uint64_t dev, ino;
	} hot[HOT_PROGRAMS];
	size_t hot_count, hot_next;
	struct board *board;
	bool doubt_told;       /* openables_doubted() */
	uint64_t memory_dev;   /* of run->memory, as stubs know it; 0: not made yet */
	const uint64_t *count; /* NULL: each process has its own */
	int count_id;	       /* of its page, for shmat(2); -1: none */
	struct stub_device devices[STUB_DEVICES];
	size_t device_count;
	uint64_t devices_told; /* how many nodes there were when they were looked for */
};

/* boards.c: the run's own; NULL: no memory. For free(). */
struct board *boards_create(void);
/* What the run has opened since. */
void boards_update(const struct run *run, struct board *board);
/* Nothing is known of what a stub has of it. */
void boards_begin(struct foothold *foothold);
/* What the tracee's stub does not have of it yet. */
void boards_tell(struct tracee *tracee, const struct board *board);

/* telling.c: what names of skeletons begin with that a stub makes; "": it makes none.
 */
void telling_skeletons(const struct run *run, char ret_folder[STUB_PATH]);
/* The same of copies of twins. */
void telling_twins(const struct run *run, char ret_prefix[STUB_PATH]);
/* telling.c: what the stub lacks of the board. */
void telling_board(struct run *run, struct tracee *tracee);

/* telling.c: is the working directory known to be the host's by now? */
void telling_cwd(const struct run *run, struct tracee *tracee);

/* loading.c: true: *ret_verdict is to be carried out, and the call comes again. */
bool loading_begin(struct run *run, struct tracee *tracee, const struct texts *texts,
		   enum verdict *ret_verdict);
/* At the next stop of that thread: whether the stub is there. */
bool loading_ended(struct run *run, struct tracee *tracee);

/* patching.c: all sites that are known and in memory. */
void patching_all(struct run *run, struct tracee *tracee, const struct texts *texts);
/* Whose trampoline is at `ip`; NULL: nobody's. */
const struct foothold_site *patching_site(const struct foothold *foothold, uint64_t ip);
/* Of a gate at `ip`, or behind its call: where the program's own place is; 0: none. */
uint64_t patching_gate(const struct foothold *foothold, uint64_t ip);
/* The program has taken the stub's memory away: all sites are as they were. */
void patching_undo(struct tracee *tracee);

#endif
