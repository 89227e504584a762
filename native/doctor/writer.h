/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one writer of findings, in three forms (docs/doctor.md). */
#ifndef DOCTOR_WRITER_H
#define DOCTOR_WRITER_H

#include <stdio.h>

#include "doctor/finding.h"

/* A line for one, as soon as it is known. */
void writer_text(FILE *file, const struct finding *finding);
/* The last line: can it run here, and if not, why not? */
void writer_sum(FILE *file, const struct findings *findings);
void writer_json(FILE *file, const struct findings *findings, const char *version);
/* For a startd cron of HTCondor. */
void writer_classad(FILE *file, const struct findings *findings, const char *version);

#endif
