/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same program under its other name, `interpose`: the way into the subcommands,
 * which are Python. A script would let the caller's PYTHONHOME, PYTHONPATH and
 * LD_PRELOAD, those of a job perhaps, decide what its interpreter loads. */
#ifndef LAUNCH_COMMAND_H
#define LAUNCH_COMMAND_H

#include <stdbool.h>

/* Is this program called `interpose`, whatever link led to it? */
bool command_is_called(void);
/* Becomes the subcommands; returns the exit status only if that fails. */
int command_run(int argc, char **argv);

#endif
