/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls/refuse.h"

#include <errno.h>

enum { NO_DESCRIPTOR = -9, PATH_SIZE = 4096 };

/* "" and a closed descriptor: ENOENT, or EBADF with AT_EMPTY_PATH. */
static enum verdict leave_refused(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	(void)run;
	if (result == -ENOENT || (result == -EBADF && tracee->stop.note[1]))
		result = -(int64_t)tracee->stop.note[0];
	return tracee_finish(tracee, result);
}

static enum verdict refuse(struct tracee *tracee, int error, bool has_descriptor)
{
	tracee->stop.note[1] = has_descriptor;
	tracee->stop.note[0] = (uint64_t)error;
	tracee->stop.dirty = true;
	tracee->stop.leave = leave_refused;
	return VERDICT_AT_EXIT;
}

/* The end of the program's own text is the empty name. */
static bool take_name(struct tracee *tracee, int dirfd_argument, int path_argument)
{
	uint64_t address = tracee->stop.args[path_argument];
	char path[PATH_SIZE];
	int len = 0; /* NULL, where that is a name (TARGET_NULL_PATH) */

	if (address)
		len = tracee_read_string(tracee, address, path, sizeof(path));
	if (len < 0)
		return false;
	arch_set_argument(&tracee->stop.regs, (unsigned int)path_argument,
			  address + (uint64_t)len);
	if (dirfd_argument >= 0)
		arch_set_argument(&tracee->stop.regs, (unsigned int)dirfd_argument,
				  (uint64_t)NO_DESCRIPTOR);
	return true;
}

enum verdict refuse_path(struct tracee *tracee, int dirfd_argument, int path_argument,
			 int error)
{
	if (!take_name(tracee, dirfd_argument, path_argument))
		return tracee_answer(tracee, -error);
	return refuse(tracee, error, dirfd_argument >= 0);
}

enum verdict refuse_two(struct tracee *tracee, const int at[4], int error)
{
	if (!take_name(tracee, at[0], at[1]) || !take_name(tracee, at[2], at[3]))
		return tracee_answer(tracee, -error);
	return refuse(tracee, error, at[0] >= 0);
}

enum verdict refuse_descriptor(struct tracee *tracee, int error)
{
	arch_set_argument(&tracee->stop.regs, 0, (uint64_t)NO_DESCRIPTOR);
	return refuse(tracee, error, true);
}
