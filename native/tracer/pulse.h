/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What front sees of the tracer without asking: memory of both. A tracer that waits in
 * the kernel for somebody who does not answer can say nothing any more. */
#ifndef TRACER_PULSE_H
#define TRACER_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pulse {
	_Atomic uint64_t turns; /* one for each stop, and each wait */
	atomic_bool waits;	/* in its own wait, for whatever comes */
	_Atomic uint32_t heard; /* messages of front that were taken */
	atomic_bool told;	/* how the run ends: front may go and leave it alone */
	atomic_bool given_up;	/* by front, which is about to kill it */
	atomic_bool let_go;	/* what belongs to front's caller */
};

#endif
