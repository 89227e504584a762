/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Python processes beside the job: the resolver, and the one that formats a trace. */
#ifndef LAUNCH_HELPER_H
#define LAUNCH_HELPER_H

#include <sys/types.h>

/* The option of ulimit that leaves them too little memory, and how much they need;
 * NULL: none does. */
const char *helper_lacks_memory(unsigned *ret_mib);
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
