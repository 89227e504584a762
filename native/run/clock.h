/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time since some moment of the machine's, never set back. */
#ifndef RUN_CLOCK_H
#define RUN_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_now_ns(void);
/* Whole seconds, for what is only compared with others of the same: costs no call. */
time_t clock_now_s(void);

#endif
