/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYS_stat and others of an i386 program: the calls whose structures the C library has.
 * The others are called in programs_i386. */
#ifndef OWN_NUMBERS_H
#define OWN_NUMBERS_H

#include "arch/numbers.h"

#ifdef __i386__
#undef SYS_stat
#undef SYS_lstat
#undef SYS_fstat
#define SYS_stat SYS_stat64
#define SYS_lstat SYS_lstat64
#define SYS_fstat SYS_fstat64
#define SYS_newfstatat SYS_fstatat64
#endif

#endif
