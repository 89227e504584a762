/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls/transfers.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "syscalls/numbers_i386.h"
#include "syscalls/syscalls.h"
#include "tracee/descriptors.h"

enum { NO_BUFFER = 6 };

struct transfer_call {
	enum arch_abi abi;
	int number;
	unsigned int buffer, size; /* arguments */
	int flag;		   /* in the 4th that has to be there; 0: no matter */
};

static const struct transfer_call calls[] = {
	{ARCH_OWN, SYS_write, 1, 2, 0},
	{ARCH_OWN, SYS_sendto, 1, 2, 0},
	{ARCH_OWN, SYS_recvfrom, 1, 2, MSG_WAITALL},
	{ARCH_OWN, SYS_sendfile, NO_BUFFER, 3, 0},
	{ARCH_I386, I386_write, 1, 2, 0},
	{ARCH_I386, I386_sendto, 1, 2, 0},
	{ARCH_I386, I386_recvfrom, 1, 2, MSG_WAITALL},
	{ARCH_I386, I386_sendfile, NO_BUFFER, 3, 0},
	{ARCH_I386, I386_sendfile64, NO_BUFFER, 3, 0},
};

static const struct transfer_call *find(const struct stop *stop)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct transfer_call *call = &calls[i];

		if (call->number == stop->number && call->abi == stop->regs.abi &&
		    (!call->flag ||
		     (stop->args[3] & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL))
			return call;
	}
	return NULL;
}

/* A pipe, or a connection whose calls have no time limit: these wait in the middle. */
static bool waits_in_the_middle(const struct tracee *tracee,
				const struct transfer_call *call)
{
	int fd = descriptors_duplicate(tracee, (int)tracee->stop.args[0]);
	struct timeval sending = {0}, receiving = {0};
	socklen_t size = sizeof(sending);
	struct stat st = {0};
	bool is_so = fd >= 0 && fstat(fd, &st) == 0;

	if (is_so && S_ISSOCK(st.st_mode)) {
		is_so = getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &sending, &size) == 0 &&
			getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receiving, &size) ==
				0 &&
			!sending.tv_sec && !sending.tv_usec && !receiving.tv_sec &&
			!receiving.tv_usec;
	} else {
		/* sendfile ends of itself where a pipe is full */
		is_so &= S_ISFIFO(st.st_mode) && call->buffer != NO_BUFFER;
	}
	if (fd >= 0)
		close(fd);
	return is_so;
}

static enum verdict leave_rest(struct run *run, struct tracee *tracee)
{
	int64_t rest = arch_result(&tracee->stop.regs);

	(void)run;
	return tracee_finish(tracee,
			     (int64_t)tracee->stop.note[0] + (rest > 0 ? rest : 0));
}

bool transfers_concern(long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return number >= 0;
	return false;
}

bool transfers_cut(const struct tracee *tracee)
{
	int64_t done = arch_result(&tracee->stop.regs);
	const struct transfer_call *call = done > 0 ? find(&tracee->stop) : NULL;

	return call && (uint64_t)done < tracee->stop.args[call->size] &&
	       waits_in_the_middle(tracee, call);
}

bool transfers_go_on(struct tracee *tracee)
{
	struct stop *stop = &tracee->stop;
	const struct transfer_call *call = find(stop);
	int64_t done = arch_result(&stop->regs);

	stop->note[0] = (uint64_t)done;
	stop->leave = leave_rest;
	arch_restart(&stop->regs, stop->number);
	for (unsigned int i = 0; i < 6; i++) /* the first one was the result's */
		arch_set_argument(&stop->regs, i, stop->args[i]);
	if (call->buffer != NO_BUFFER)
		arch_set_argument(&stop->regs, call->buffer,
				  stop->args[call->buffer] + (uint64_t)done);
	arch_set_argument(&stop->regs, call->size,
			  stop->args[call->size] - (uint64_t)done);
	stop->dirty = true;
	if (tracee_store(tracee) < 0)
		return false;
	tracee->state = TRACEE_IN_CALL;
	return true;
}

bool transfers_undo(struct tracee *tracee)
{
	if (tracee->state != TRACEE_IN_CALL || tracee->stop.leave != leave_rest)
		return false;
	tracee_finish(tracee, (int64_t)tracee->stop.note[0]);
	tracee_store(tracee);
	tracee->state = TRACEE_RUNNING;
	return true;
}
