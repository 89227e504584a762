/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mounts may fail to answer: those of network, FUSE and automount. */
#ifndef RUN_SLOWMOUNTS_H
#define RUN_SLOWMOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct slowmounts;

/* Reads nothing before it is asked something. NULL: no memory. */
struct slowmounts *slowmounts_create(void);
void slowmounts_destroy(struct slowmounts *mounts);

/* From now on all questions are about the mounts that process `of` sees, which are not
 * ours; 0: ours again. */
void slowmounts_choose(struct slowmounts *mounts, pid_t of);

/* There is such a mount at all (as of now: Source: proc_pid_mountinfo(5)). */
bool slowmounts_any(struct slowmounts *mounts);
/* As of the last slowmounts_any(): `dev` is the st_dev of a local mount; of one that is
 * none, or was one (of an unmounted one directories may be open). Neither: unknown. */
bool slowmounts_is_local(const struct slowmounts *mounts, uint64_t dev);
bool slowmounts_is_slow(const struct slowmounts *mounts, uint64_t dev);
/* In our own mounts one of /proc's kind is elsewhere, or that is not known. */
bool slowmounts_other_proc(struct slowmounts *mounts);
/* `path`, absolute and without "..", lies in a slow one or names its mount point. */
bool slowmounts_has_path(const struct slowmounts *mounts, const char *path);

#endif
