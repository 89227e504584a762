/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's half that needs Python: repositories, servers, proxies. */
#ifndef LAUNCH_ASKING_H
#define LAUNCH_ASKING_H

#include <stdbool.h>
#include <sys/types.h>

#include "doctor/doctor.h"
#include "launch/options.h"
#include "launch/python.h"

struct asking {
	const struct options *options;
	struct doctor_node *node; /* its `place` is filled in */
	struct python *python;	  /* that of node->python, if that is not "" */
	struct findings *findings;
	/* Of findings from `first` on. */
	void (*tell)(const struct options *options, const struct findings *findings,
		     size_t first);
	bool placed; /* which caches there are was said, and they were looked at */
	bool done;   /* Python has said all */
};

/* At most 20 s, whatever servers do. */
void asking_run(struct asking *asking);

#endif
