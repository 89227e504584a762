/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tracer and the stub in a tracee share. The stub's memory, from the address
 * where its code begins:
 *
 *     code          our own program's section `interpose_stub`, private, r-x
 *     gates         from here to the end of the same section; the tracer fills them
 *     trampolines
 *     state         struct stub_state, private, rw-
 *     board         struct board (board.h), likewise
 */
#ifndef STUB_STATE_H
#define STUB_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "stub/board.h"
#include "stub/offsets.h"

enum {
	STUB_PAGE = 4096,
	STUB_CODE_SIZE = 10 * STUB_PAGE,
	STUB_TRAMPOLINES_SIZE = 2 * STUB_PAGE,
	STUB_TRAMPOLINE = 24, /* bytes of each */
	/* A gate makes one call and goes back to its place: `syscall; jmp`. The filter
	 * knows it by where it is in its page. */
	STUB_GATE = 8,
	STUB_GATES = 2,
	STUB_GATES_AT = STUB_CODE_SIZE + 48,
	STUB_GATE_CALL = 2, /* of its bytes */
	STUB_GATE_SIZE = 7,
	STUB_TRAMPOLINES_AT = STUB_GATES_AT + STUB_GATES * STUB_GATE,
	STUB_STATE_AT = STUB_CODE_SIZE + STUB_TRAMPOLINES_SIZE,
	STUB_STATE_SIZE = STUB_PAGE,
	STUB_BOARD_AT = STUB_STATE_AT + STUB_STATE_SIZE,
	STUB_BOARD_SIZE = 188 * STUB_PAGE,
	STUB_SIZE = STUB_BOARD_AT + STUB_BOARD_SIZE,
	STUB_DEVICES = 8,
	STUB_PATH = 128,
	STUB_SKELETONS = 16384, /* names that stubs give theirs */
	STUB_HINTS = 1024,
	STUB_CWD = 1024
};

/* A file system on which something of ours has been met: a regular file there that
 * nobody may write is perhaps an object; or any file (`all`). */
struct stub_device {
	uint64_t number;
	uint64_t all;
};

/* Written by the tracer alone, but for counts and hints. It may say too much,
 * which costs a stop, and never too little. */
struct stub_state {
	uint64_t secret; /* sixth argument of a call that the filter lets through */
	uint64_t
		count; /* address of the number of calls that were done here; 0: none */
	uint32_t dead; /* everything is the tracer's */
	uint32_t proc_elsewhere; /* a proc file system can be met beside /proc */
	uint32_t devices_full;	 /* there are more than are noted here */
	uint32_t mount_numbers;	 /* kernel_mount_numbers() */
	uint32_t no_board;	 /* /cvmfs is the tracer's */
	uint32_t no_objects;	 /* so are opens of its files */
	uint32_t watches;	 /* for locks: the process has a second filter */
	uint32_t run;		 /* its number (run/inscription.h) */
	uint32_t uid;		 /* who owns objects of the private cache */
	uint32_t misses; /* the stub's own: how many names were missing lately */
	char skeletons[STUB_PATH]; /* what names of them begin with; "": none */
	char twins[STUB_PATH];	   /* the same of their copies in memory */
	/* The working directory: it may be ours or in /proc, or it is the place of ours
	 * that the rest names; neither: the host's. */
	struct stub_cwd {
		uint32_t is_unknown, is_ours;
		uint32_t mount, catalog, entry;
		uint32_t reserved;
	} cwd;
	uint64_t root_dev, root_ino;
	uint64_t proc_dev;
	uint64_t scratch_dev[2];
	struct stub_device devices[STUB_DEVICES];
	char cwd_text[STUB_CWD]; /* of one that is ours; "": longer */
	/* The stub's own, by number of a descriptor: what to try first. */
	uint8_t was_ours[STUB_HINTS];
};

_Static_assert(sizeof(struct stub_state) <= STUB_STATE_SIZE, "state fits its pages");
_Static_assert(STUB_GATES_AT % (STUB_GATES * STUB_GATE) == 0, "a mask finds a gate");
_Static_assert(sizeof(struct board) <= STUB_BOARD_SIZE, "so does the board");

/* Arguments of the loader: what brings the stub into a process (entry.S). It ends with
 * all registers as in `saved`, at `resume`. */
struct stub_load {
	uint64_t secret;
	uint64_t base;	      /* where it shall be */
	uint64_t file_offset; /* of the section */
	int64_t count_id;     /* of the page for the count, for shmat(); -1: none */
	uint64_t result;      /* 0, or the negative errno of what failed */
	uint64_t count;	      /* where that page is; 0: nowhere */
	uint64_t resume;
	uint64_t touched;   /* a page that has to be in memory then is here; 0: none */
	uint64_t saved[15]; /* rax (the number) rbx rcx rdx rsi rdi rbp r8 ... r15 */
	char path[];	    /* of our program */
};

_Static_assert(offsetof(struct stub_load, secret) == LOAD_SECRET &&
		       offsetof(struct stub_load, base) == LOAD_BASE &&
		       offsetof(struct stub_load, file_offset) == LOAD_FILE_OFFSET &&
		       offsetof(struct stub_load, count_id) == LOAD_COUNT_ID &&
		       offsetof(struct stub_load, result) == LOAD_RESULT &&
		       offsetof(struct stub_load, count) == LOAD_COUNT &&
		       offsetof(struct stub_load, resume) == LOAD_RESUME &&
		       offsetof(struct stub_load, touched) == LOAD_TOUCHED &&
		       offsetof(struct stub_load, saved) == LOAD_SAVED &&
		       offsetof(struct stub_load, path) == LOAD_PATH &&
		       STUB_STATE_AT == LOAD_CODE_SIZE &&
		       STUB_SIZE - STUB_STATE_AT == LOAD_STATE_SIZE,
	       "offsets.h");

/* Of our own copy: the section and places in it. Weak: a compiler that cannot make the
 * stub, or another machine, links a program without it. */
extern const char stub_section[] __attribute__((weak, visibility("hidden")));
extern const char stub_entry[] __attribute__((weak, visibility("hidden")));
extern const char stub_framed[] __attribute__((weak, visibility("hidden")));
extern const char stub_loader[] __attribute__((weak, visibility("hidden")));
extern const char stub_loader_end[] __attribute__((weak, visibility("hidden")));
#endif
