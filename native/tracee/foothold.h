/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the stub is in an address space (fast/), and what is known of its text. */
#ifndef TRACEE_FOOTHOLD_H
#define TRACEE_FOOTHOLD_H

#include <stdbool.h>
#include <stdint.h>

enum foothold_state {
	FOOTHOLD_NONE,
	FOOTHOLD_LOADING, /* one thread runs the loader, with all its signals blocked */
	FOOTHOLD_THERE,
	FOOTHOLD_REFUSED
};

enum { FOOTHOLD_MOV = 5 };

/* The address of a call instruction that need not be looked at again. */
struct foothold_site {
	uint64_t call;
	uint32_t trampoline;	   /* + 1; 0: it is as it was, and stays so */
	uint32_t gate;		   /* likewise; 0: it has none */
	uint8_t mov[FOOTHOLD_MOV]; /* what was before it */
};

/* fork copies it with the memory; exec drops it. */
struct foothold {
	enum foothold_state state;
	bool dead;	    /* the stub was told to leave everything to us */
	bool cwd_unknown;   /* as the stub was told */
	unsigned int calls; /* stops that it would have spared */
	uint64_t base;
	uint64_t mask;		  /* LOADING: the thread's blocked signals */
	uint64_t data, vdso_room; /* LOADING: the loader's arguments, and its code */
	/* Of the board (fast/boards.c). */
	uint32_t told_catalogs, told_mounts, told_objects, told_bases, told_unasked;
	uint32_t told_caches;
	bool told_watches;
	bool wants_board; /* the call at hand is one that a stub answers */
	uint32_t trampolines, gates;
	struct foothold_site *sites;
	uint32_t site_count, site_room;
};

bool foothold_knows(const struct foothold *foothold, uint64_t call);
/* False: no memory, and nothing was noted. */
bool foothold_learn(struct foothold *foothold, const struct foothold_site *site);
void foothold_copy(struct foothold *foothold, const struct foothold *from);
void foothold_forget(struct foothold *foothold);

#endif
