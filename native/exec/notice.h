/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a job is refused because it is ours: said once, so that nobody searches long. */
#ifndef EXEC_NOTICE_H
#define EXEC_NOTICE_H

#include "run/run.h"
#include "tracee/tracee.h"

/* At the exec event: of a program that would gain rights elsewhere, */
void notice_lost_rights(struct run *run, const struct tracee *tracee);
/* that starts processes which are no descendants of this job, */
void notice_elsewhere(struct run *run, const struct tracee *tracee);
/* whose memory the kernel hides. */
void notice_hidden_memory(struct run *run, const struct tracee *tracee);
/* Another tracer was asked for. */
void notice_no_tracer(struct run *run);

#endif
