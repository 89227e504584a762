/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errands of one call: what it waits for, and what came of it. */
#ifndef FIND_ERRAND_H
#define FIND_ERRAND_H

#include <errno.h>

#include "find/call.h"
#include "run/errands.h"

/* `call->question` has to be waited for; the call is decided again afterwards. */
enum { LOOK_WAITS = -EINPROGRESS };

/* Sends it, if the call has not sent one of this key before. 0: it has ended, with
 * *ret_result as its argument, which stays where it is until the call is decided (NULL
 * where it was shared, or could not be sent: then `work` has not run); or the negative
 * errno that it ended with; LOOK_WAITS. Takes over the argument. */
int errand_of_call(struct call *call, const struct errand *errand, void **ret_result);

/* After the handler at the entry of a call: what it could not read of the tracee's
 * memory is waited for. */
enum verdict errand_for_memory(struct run *run, struct tracee *tracee,
			       enum verdict verdict);

#endif
