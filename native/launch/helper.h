/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Python processes beside the job: the resolver, and the one that formats a trace. */
#ifndef LAUNCH_HELPER_H
#define LAUNCH_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

enum helper_work { HELPER_FORMATS, HELPER_OPENS_REPOSITORIES };

struct helper_lack {
	char needs[32], advice[32]; /* "needs 80 MB of memory", and what to do */
};

/* Whether a limit leaves Python too little memory for this. */
bool helper_lacks_memory(enum helper_work work, struct helper_lack *ret_lack);
/* What to do about one that ended with this wait status without a word. */
const char *helper_advice(int status);
/* Ours without PYTHON* and LD_* variables; NULL: no memory. */
char **helper_environment(void);
/* Starts `path` in a session of its own, without PYTHON* and LD_* variables, with `fd`
 * open in it. 0 or a negative errno. */
int helper_start(const char *path, char *const argv[], int fd, pid_t *ret_pid);
/* Waits for its end and gives its wait status; kills it after `patience_ms`, and does
 * not wait long for one that cannot be killed. */
int helper_finish(pid_t pid, int patience_ms);

#endif
