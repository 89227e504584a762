/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stub's decisions beside the kernel's: see stub_fuzz.c. */
#ifndef STUB_FUZZ_H
#define STUB_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include "path/walk.h"
#include "stub/board.h"
#include "stub/frame.h"
#include "stub/state.h"

#define TREE "/cvmfs/repo"

enum { MOST_NAMES = 1024, SLOTS = 4, PATH_ROOM = 8192 };

/* What there is in the tree: paths below TREE, and where they are. */
struct known {
	char *path;
	struct place place;
};

extern struct known known[MOST_NAMES];
extern size_t known_count;
extern const char *work;
extern uint64_t calls_made, calls_answered;

/* stub_fuzz_board.c: what the tracer would have told, of these two index files. */
void board_begin(const char *root, const char *nested, const char *names);
struct stub_state *board_state(void);
/* The place of a path below TREE, on which no link is. */
bool board_place(const char *path, struct place *ret_place);

/* One open file on both sides; -1: none. */
extern struct slot {
	int ours, kernels;
} slots[SLOTS];

/* What a round is made of; zeros behind its end. */
struct input {
	const uint8_t *at, *end;
};

/* stub_fuzz_calls.c: true if the stub has answered; aborts where it is wrong. */
bool ask(struct stub_frame *frame, const char *path);
void wrong(const struct stub_frame *frame, const char *path, const char *what);
void equal(const struct stub_frame *frame, const char *path, long kernels);
void equal_entry(const struct stub_frame *frame, const char *path,
		 const struct stat *ours, const struct stat *kernels);
void call_name(struct input *input);
void close_slot(struct slot *slot);

/* stub_fuzz.c: numbers and paths of an input. */
uint32_t take(struct input *input, uint32_t below);
uint32_t take_wide(struct input *input, uint32_t below);
void make_path(struct input *input, char *text);

/* One round. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#endif
