/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that say -EINTR to any signal. The kernel queues ignored ones for a traced
 * thread, so such a call ends where it would natively go on; it is begun again, with
 * the time that is left. Sources: signal(7), "Interruption of system calls", and
 * sig_ignored() in Linux' kernel/signal.c. */
#ifndef SYSCALLS_WAITS_H
#define SYSCALLS_WAITS_H

#include <stdbool.h>

#include "tracee/tracee.h"

/* Is this the number of such a call, in one of the ABIs? */
bool waits_concern(long number);
/* At a stop for a signal, behind tracee_fetch_ended(): it was such a call, and it was
 * interrupted. */
bool waits_interrupted(struct tracee *tracee);
/* Natively nothing would have happened: the kernel makes the call again. */
void waits_begin_again(struct tracee *tracee);
/* It ends for good, whatever is ignored before the program goes on. */
void waits_end(struct tracee *tracee);

#endif
