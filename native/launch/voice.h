/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tracer's own way to standard error, while the job's main process lives. */
#ifndef LAUNCH_VOICE_H
#define LAUNCH_VOICE_H

#include "launch/launch.h"

void voice_open(struct launch *launch);
/* Passes on what helpers have said so far. The resolver says why before it answers EIO:
 * a job that prints the errno at once must not overtake it. Never waits: what finds no
 * room is left to front. */
void voice_speak(const struct launch *launch);
/* Descendants that live on must not hold up who reads our standard error. */
void voice_close(struct launch *launch);
/* One line of the tracer, before the call that it is about ends; `context` is the
 * struct launch. */
void voice_say(void *context, const char *text);

#endif
