/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the next stop is awaited a moment without sleeping (docs/decisions/0003). */
#ifndef TRACER_LINGER_H
#define TRACER_LINGER_H

#include <stdbool.h>
#include <stdint.h>

struct lingering {
	bool may;      /* there is another CPU for the job */
	bool looked;   /* once since the last stop, which may have been there at once */
	bool lingered; /* longer than that */
	unsigned int skip, penalty; /* stops that are not lingered for */
	long switches;	   /* how often we had to let go of our CPU, when that was asked
			      last */
	int64_t since_ns;  /* when the last stop was answered */
	int64_t looked_ns; /* the last look since then */
};

void linger_create(struct lingering *linger);
/* A stop is there. */
void linger_found(struct lingering *linger);
/* It has been answered: a moment begins. */
void linger_answered(struct lingering *linger);
/* There is none: true if one more look is worth it. */
bool linger_on(struct lingering *linger);

#endif
