/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shared library of the demonstration. */
#include <stdio.h>

int greet(const char *where);

int greet(const char *where)
{
	return printf("greet.c     a shared library, loaded from %s\n", where);
}
