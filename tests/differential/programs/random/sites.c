/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each call that a stub answers (docs/fast-path.md) is made at a place of its own, as a
 * C library has them. syscall(2) has its number from a register: such a place stops. */
#include "steps.h"

#ifdef __x86_64__
/* The byte before the mov is no prefix of it. */
#define SITE(call)                                                                  \
	case SYS_##call:                                                            \
		__asm__ volatile("nop\n\tmov %1, %%eax\n\tsyscall"                  \
				 : "=&a"(result)                                    \
				 : "i"(SYS_##call), "D"(values[0]), "S"(values[1]), \
				   "d"(values[2]), "r"(r10), "r"(r8), "r"(r9)       \
				 : "rcx", "r11", "memory");                         \
		break;

static bool made_here(long number, const long values[ARGUMENTS], long *ret_result)
{
	register long r10 __asm__("r10") = values[3];
	register long r8 __asm__("r8") = values[4];
	register long r9 __asm__("r9") = values[5];
	long result;

	switch (number) {
		SITE(open)
		SITE(openat)
		SITE(stat)
		SITE(lstat)
		SITE(fstat)
		SITE(newfstatat)
		SITE(statx)
		SITE(access)
		SITE(faccessat)
		SITE(faccessat2)
		SITE(readlink)
		SITE(readlinkat)
		SITE(getdents64)
		SITE(getcwd)
		SITE(getxattr)
		SITE(lgetxattr)
		SITE(listxattr)
		SITE(llistxattr)
	default:
		return false;
	}
	*ret_result = result;
	return true;
}
#else
static bool made_here(long number, const long values[ARGUMENTS], long *ret_result)
{
	(void)number;
	(void)values;
	(void)ret_result;
	return false;
}
#endif

long site_call(long number, const long values[ARGUMENTS])
{
	long result;

	if (!made_here(number, values, &result))
		return syscall(number, values[0], values[1], values[2], values[3],
			       values[4], values[5]);
	if (result < 0 && result >= -4095) {
		errno = (int)-result;
		return -1;
	}
	return result;
}
