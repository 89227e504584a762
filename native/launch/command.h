/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other commands that this one file is: by the name it is called, or by --tool.
 * They are Python: a script would let the caller's PYTHONHOME, PYTHONPATH and
 * LD_PRELOAD, those of a job perhaps, decide what its interpreter loads. */
#ifndef LAUNCH_COMMAND_H
#define LAUNCH_COMMAND_H

/* argv[0] is the command's own name; gives the exit status. */
typedef int command_main(char **argv);

/* NULL: interpose_run itself is meant. Else what was called. *argv becomes its own:
 * behind `interpose_run --tool` begins that of `interpose`, behind `interpose run` that
 * of interpose_run; `interpose help NAME` is turned into what it means. */
command_main *command_called(int argc, char ***argv);

#endif
