/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execve(2), as far as it is known that it fails. */
#ifndef STUB_PROGRAM_H
#define STUB_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* These argument lists are no reason for the kernel to refuse the call. */
bool program_takes(uint64_t argv, uint64_t envp);

#endif
