/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that /cvmfs refuses with an error which comes after the kernel has looked at
 * the other arguments: it does look, with names that name nothing. */
#ifndef SYSCALLS_REFUSE_H
#define SYSCALLS_REFUSE_H

#include "tracee/tracee.h"

/* The call ends with -error, or with what the kernel says of the other arguments. An
 * argument number is -1 where the call has none. */
enum verdict refuse_path(struct tracee *tracee, int dirfd_argument, int path_argument,
			 int error);
/* at: dirfd, path, dirfd, path. */
enum verdict refuse_two(struct tracee *tracee, const int at[4], int error);
enum verdict refuse_descriptor(struct tracee *tracee, int error);

#endif
