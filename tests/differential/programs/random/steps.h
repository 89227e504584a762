/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out a script of calls by several threads and processes, and prints what each
 * gave. tests/differential/scripts.py writes the scripts and tells their words. */
#ifndef STEPS_H
#define STEPS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "../own_numbers.h"

enum {
	ACTORS = 6,
	TABLES = 3,
	SLOTS = 10,
	ARGUMENTS = 6,
	MOST_STEPS = 4096,
	RECORD = 2048,
	ROOM = 16384 /* of one argument of one thread */
};

struct step;
struct call {
	const char *name;
	long number;
	void (*show)(struct step *step);  /* of a result that is no error */
	long (*carry)(struct step *step); /* no single call of the kernel */
	bool opens;
};

struct step {
	int group, actor, slot;
	const struct call *call;
	char *words[ARGUMENTS];
	int word_count;
	long values[ARGUMENTS];
	size_t sizes[ARGUMENTS]; /* of an output, else 0 */
	long result;
	char *record;
	size_t length;
};

/* Memory that all processes share. */
struct shared {
	int turn;
	int ready;
	int left;
	int ended;
	pid_t pids[ACTORS], tids[ACTORS];
	int slots[TABLES][SLOTS];
	char records[MOST_STEPS][RECORD];
};

extern struct shared *shared;
extern struct step steps[MOST_STEPS];
extern int step_count;
extern dev_t tree_dev, top_dev, work_dev;
extern const char *tree, *work;
/* Of the thread: which descriptors are its own, and room for arguments. */
extern __thread int table;

/* actors.c */
void actors_run(void);

/* arguments.c */
void arguments_begin(void);
void arguments_decode(struct step *step);
bool arguments_damaged(const struct step *step, size_t used);
int slot_of(const char *word);

/* sites.c */
long site_call(long number, const long values[ARGUMENTS]);

/* results.c */
void note(struct step *step, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void note_bytes(struct step *step, const char *bytes, size_t size);
void show_stat(struct step *step);
void show_statx(struct step *step);
void show_text(struct step *step);
void show_data(struct step *step);
void show_statfs(struct step *step);
uint64_t digest(const void *bytes, size_t size, uint64_t before);

/* specials.c: what is more than one call */
long carry_creat(struct step *step);
long carry_openat2(struct step *step);
long carry_list(struct step *step);
long carry_execute(struct step *step);
long carry_seek(struct step *step);
long carry_child(struct step *step);

const struct call *call_named(const char *name);
#endif
