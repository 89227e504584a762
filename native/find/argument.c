/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The path among a call's arguments: read once, found, and how a handler ends where it
 * is not ours. */
#include <fcntl.h>

#include "find/target.h"
#include "run/trace.h"

enum verdict target_wait(struct target *target)
{
	target->call.tracee->question = target->call.question;
	return VERDICT_WAIT;
}

enum verdict target_elsewhere(struct target *target, unsigned int position)
{
	struct redirection redirection = {position, target->elsewhere};

	return tracee_redirect(target->call.tracee, &redirection, 1,
			       tracee_leave_as_is);
}

enum verdict target_missing(struct target *target)
{
	return tracee_answer(target->call.tracee, -target->walk.error);
}

bool target_of_call(struct target *target, struct run *run, struct tracee *tracee,
		    int dirfd_argument, int path_argument, unsigned int flags,
		    enum verdict *ret_verdict)
{
	char path[TARGET_PATH_SIZE];
	const struct stop *stop = &tracee->stop;
	int dirfd = dirfd_argument < 0 ? AT_FDCWD : (int)stop->args[dirfd_argument];
	uint64_t address = stop->args[path_argument];
	int len;

	*ret_verdict = VERDICT_PASS;
	target_init(target, run, tracee, flags);
	target->kind = TARGET_HOST;
	target->bad_name = true;
	if (address == 0 && (flags & TARGET_NULL_PATH)) {
		path[0] = '\0'; /* Linux 6.11: NULL and AT_EMPTY_PATH mean "" */
		len = 0;
	} else {
		len = tracee_read_string(tracee, address, path, sizeof(path));
	}
	if (len < 0)
		return false;
	if (run->trace)
		trace_path(run->trace, path_argument, path);
	target_find(target, run, tracee, dirfd, path, flags);
	if (target->kind == TARGET_QUESTION) {
		*ret_verdict = target_wait(target);
		return false;
	}
	return target->kind != TARGET_HOST;
}

bool target_of_call_in_cvmfs(struct target *target, struct run *run,
			     struct tracee *tracee, int dirfd_argument,
			     int path_argument, unsigned int flags,
			     enum verdict *ret_verdict)
{
	if (!target_of_call(target, run, tracee, dirfd_argument, path_argument, flags,
			    ret_verdict))
		return false;
	if (target->kind != TARGET_ELSEWHERE)
		return true;
	*ret_verdict = target_elsewhere(target, (unsigned int)path_argument);
	return false;
}

bool target_of_call_ours(struct target *target, struct run *run, struct tracee *tracee,
			 int dirfd_argument, int path_argument, unsigned int flags,
			 enum verdict *ret_verdict)
{
	if (!target_of_call_in_cvmfs(target, run, tracee, dirfd_argument, path_argument,
				     flags, ret_verdict))
		return false;
	if (target->kind == TARGET_OURS)
		return true;
	*ret_verdict = target_missing(target);
	return false;
}
