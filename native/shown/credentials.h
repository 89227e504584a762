/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a tracee is, and what its capabilities allow it. Owners below /cvmfs are numbers
 * of our own user namespace; a process in another one has the numbers that are mapped
 * there.
 */
#ifndef SHOWN_CREDENTIALS_H
#define SHOWN_CREDENTIALS_H

#include <linux/capability.h>
#include <stdbool.h>

#include "run/run.h"
#include "shown/entry.h"
#include "tracee/tracee.h"

/* Whose permissions count: the effective user's, or the real one's as for access(2). */
enum whose { CREDENTIALS_EFFECTIVE, CREDENTIALS_REAL };

/* Reads /proc only where that may tell something new. */
const struct credentials *credentials_of(const struct run *run, struct tracee *tracee);
/* ns_capable() in the tracee's own user namespace. */
bool credentials_have(const struct run *run, struct tracee *tracee, int capability);
/* capable(), or ns_capable() in the user namespace that /cvmfs is mounted in. */
bool credentials_rule(const struct run *run, struct tracee *tracee, int capability);
/* inode_owner_or_capable() */
bool credentials_own(const struct run *run, struct tracee *tracee,
		     const struct owned *entry);
/* generic_permission() for R_OK and X_OK. */
bool credentials_permit(const struct run *run, struct tracee *tracee, enum whose whose,
			const struct owned *entry, uint32_t mask);

/* Is the process in another user namespace than ours? */
bool credentials_abroad(pid_t tid);
/* Has a number that we see a file have one in the user namespace of the process? `map`:
 * "uid_map" or "gid_map" (user_namespaces(7)). */
bool credentials_maps(pid_t tid, const char *map, unsigned int id);

/* While a job of root's has become somebody else, we look at host paths as that user:
 * what the kernel would refuse it, we do not find for it. Of this thread alone; nothing
 * but one call of the kernel comes between. False: nothing to take off. */
bool credentials_put_on(const struct run *run, struct tracee *tracee);
void credentials_take_off(const struct run *run);
/* The same for the thread of an errand: a copy, which nobody changes; free(3). `on` is
 * false where there is nothing to put on. NULL: no memory. */
struct guise {
	bool on;
	uid_t uid, own_uid;
	gid_t gid, own_gid;
	int group_count, own_group_count;
	gid_t groups[]; /* and behind them our own */
};
struct guise *credentials_guise(const struct run *run, struct tracee *tracee);
void guise_put_on(const struct guise *guise);
void guise_take_off(const struct guise *guise);

#endif
