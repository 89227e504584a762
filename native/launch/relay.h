/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tracer's own way to standard error, while the job's main process lives. */
#ifndef LAUNCH_RELAY_H
#define LAUNCH_RELAY_H

#include "launch/launch.h"

void relay_open(struct launch *launch);
/* Passes on what helpers have said so far. The resolver says why before it answers EIO:
 * a job that prints the errno at once must not overtake it. Never waits: what finds no
 * room is left to front. */
void relay_pass_on(const struct launch *launch);
/* Descendants that live on must not hold up who reads our standard error. */
void relay_close(struct launch *launch);
/* One line of the tracer, before the call that it is about ends; `context` is the
 * struct launch. */
void relay_say(void *context, const char *text);

#endif
