/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job that makes random system calls: see fuzz.c. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WORKERS = 4, NUMBERS = 512, PATHS = 400, DEEDS = 32 };

/* Shared by the supervisor and all workers. */
struct board {
	atomic_int quit;
	atomic_ulong deeds; /* begun */
	atomic_ulong calls;
	atomic_ulong met[NUMBERS];
	atomic_ulong done[DEEDS];
};
extern struct board *board;

/* The supervisor's, which workers only read: a call of theirs that wrote into it would
 * aim the next signals at anybody. */
struct roster {
	atomic_int workers[WORKERS];
};
extern struct roster *roster;

/* pools.c: chance, and arguments of all kinds. */
struct chance {
	uint64_t state;
};
uint64_t chance_bits(struct chance *chance);
uint64_t chance_below(struct chance *chance, uint64_t bound);
bool chance_one_in(struct chance *chance, uint64_t bound);

void pools_load(const char *paths_file);
/* The worker's own memory: below 4 GiB, so that i386 calls can use it too. */
bool pools_make_arena(void);
const char *pools_path(struct chance *chance);
/* One argument; kind is a letter of numbers.c. */
uint64_t pools_argument(struct chance *chance, char kind);
/* Writes over what others may be about to use. */
void pools_race(struct chance *chance);
void *pools_buffer(struct chance *chance);
pid_t pools_pid(struct chance *chance);
int pools_signal(struct chance *chance);

/* numbers.c: which call, with arguments of which kinds. */
struct call {
	long number;
	uint64_t args[6];
};
void numbers_draw(struct chance *chance, struct call *ret_call);
/* Would harm others than this job (see numbers.c). */
bool numbers_forbidden(struct call *call);

/* deeds.c: what takes more than one call. */
void deeds_do(struct chance *chance);
const char *deeds_name(unsigned int index);

/* worker.c: a process that is replaced when it ends. */
_Noreturn void worker_main(uint64_t seed);

#endif
