/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the type of a file system promises. What is not known is not promised. */
#ifndef OWNED_TYPES_H
#define OWNED_TYPES_H

#include <stdbool.h>

/* Modes and POSIX lists are all that grants anything on it. */
bool type_has_no_other_lists(int fd);

/* It is this node's alone, so locks are the kernel's own: no server is asked. */
bool type_is_of_this_node(int fd);

#endif
