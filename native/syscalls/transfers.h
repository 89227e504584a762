/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A transfer that waits in its middle ends with what is done when a signal comes. An
 * ignored one comes to a traced thread only (waits.h): the rest follows, and the
 * program is told of both as one, as natively. */
#ifndef SYSCALLS_TRANSFERS_H
#define SYSCALLS_TRANSFERS_H

#include <stdbool.h>

#include "tracee/tracee.h"

/* Is this the number of such a call, in one of the ABIs? */
bool transfers_concern(long number);
/* At a stop for a signal, behind tracee_fetch_ended(): such a call was cut short. */
bool transfers_cut(const struct tracee *tracee);
/* It is made again for the rest when the thread goes on, and its next call stop is that
 * entry. False: the thread is gone. */
bool transfers_go_on(struct tracee *tracee);
/* Another stop came before that entry: the call has ended with what was done. False:
 * nothing was begun. */
bool transfers_undo(struct tracee *tracee);

#endif
