/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says in a file of /proc/PID. */
#ifndef PROC_KERNELTEXT_H
#define PROC_KERNELTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/proctext.h"

/* When reading is given up. */
struct kerneltext_bounds {
	size_t len;		 /* a longer text */
	int64_t until_ns;	 /* of clock_now_ns(); 0: it may last */
	const atomic_bool *over; /* nobody waits for it any more; NULL: somebody does */
};

/* The whole text of /proc/PID/NAME; false: not readable, or given up. */
bool kerneltext_read(int pid, const char *name, const struct kerneltext_bounds *bounds,
		     struct proctext *text);

#endif
