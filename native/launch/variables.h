/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Variables of the environment that are no options. */
#ifndef LAUNCH_VARIABLES_H
#define LAUNCH_VARIABLES_H

#include "launch/options.h"

/* 0; -EINVAL: `complaint` says what is wrong. */
int variables_take(struct options *options, char complaint[OPTIONS_COMPLAINT_SIZE]);

#endif
