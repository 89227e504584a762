/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a function owns ends with it, by whichever way it returns:
 *     _cleanup_close_ int fd = open(...);        a negative one is none
 *     _cleanup_free_ char *text = malloc(...);
 *     _cleanup_fclose_ FILE *file = fopen(...);
 * The variable has a value from its first line on. errno stays as it was. */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))
#define _cleanup_fclose_ __attribute__((cleanup(cleanup_fclose)))

static inline void cleanup_close(const int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	errno = error;
}

/* Given the address of a pointer to anything. */
static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_fclose(FILE *const *file)
{
	int error = errno;

	if (*file)
		fclose(*file);
	errno = error;
}

/* Hands a descriptor on: it is no longer the variable's. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
