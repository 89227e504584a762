/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a walk on the host: host.c, and magic.c for the links of /proc. */
#ifndef FIND_HOST_H
#define FIND_HOST_H

#include "find/target.h"

struct host {
	struct target *target;
	int dir;	    /* O_PATH of the directory reached; owned */
	bool was_ours;	    /* the kernel alone would not come here */
	unsigned int flags; /* enum target_flag */
	/* The way to `dir` from the last link of /proc that was followed, or "". */
	char magic[TARGET_PATH_SIZE];
};

enum step { STEP_ON, STEP_END };

/* On from directory `fd` (taken over); or at `place` of /cvmfs. */
enum step host_into(struct host *host, int fd);
enum step host_ours(struct host *host, const struct place *place);
/* The walk ends: at `name` of the directory reached, or with an error that is the
 * kernel's to say unless we led it here. */
enum step host_end(struct host *host, const char *name);
enum step host_error(struct host *host, int error);
/* Must what the walk comes to now be a directory? */
bool host_wants_directory(const struct host *host, bool last);

/* A magic link of /proc: its text is no path, only opening it goes where it leads. */
enum step host_magic(struct host *host, const char *name, bool last);

#endif
