/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory that a run writes for itself, and a second one in memory for what is
 * small (docs/decisions/0020, 0022). */
#ifndef RUN_SCRATCH_H
#define RUN_SCRATCH_H

#include "run/run.h"

/* Makes BASE/.interpose-XXXXXX (0700) with `folders`, a letter each, and a locked file
 * in it, and first removes the ones of dead runs of this user in BASE. 0 or a negative
 * errno. The path is in ret_scratch before the directory exists, so that a process that
 * shares this memory can remove it whatever happens. */
int scratch_create(const char *base, const char *folders, struct scratch *ret_scratch);
/* Most runs need few folders, and on a disk one costs more than all else of a start:
 * only what others than we put their files in is made ahead. */
#define SCRATCH_OF_RUN ""
#define SCRATCH_IN_MEMORY "k"
/* The second one of a run, made by its first use. False: there is none. */
bool scratch_memory(struct run *run);
/* Removes those of dead runs, and makes none. */
void scratch_remove_dead(const char *base);
/* All may write there, and no sticky bit keeps them from exchanging what we make. */
bool scratch_base_is_open(const char *base);
/* Before something is put into it: the folder is there, and open to us. What cannot be
 * mended is seen by what is made there next. */
void scratch_folder(const struct scratch *scratch, char folder);
/* The same without a look: the folder and what it lies in stand again, whatever a job
 * has done to them. */
void scratch_mend(const struct scratch *scratch, char folder);
/* Removes everything of it, also what a job made unreadable; never follows links, never
 * leaves the file system. Safe to call twice. */
void scratch_remove(struct scratch *scratch);

/* The name by which we ourselves find `path`: one in the scratch by our descriptor, for
 * the job may mount over its place. `buffer` has SCRATCH_OWN_SIZE bytes. */
enum { SCRATCH_OWN_SIZE = 4096 + 32 };
const char *scratch_own(const struct scratch *scratch, const char *path, char *buffer);

#endif
