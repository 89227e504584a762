/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls that a tracee is made to do for a descriptor of ours: it opens a pair of
 * sockets, we send through our copy of one end, it receives at the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "given/passing.h"
#include "tracee/descriptors.h"

/* Parts of a slot's first half: the pair, then a message with one descriptor. */
enum { PAIR_AT = 0, BYTE_AT = 16, VECTOR_AT = 32, HEADER_AT = 64, CONTROL_AT = 256 };
enum { PATH_ROOM = 4096, MOST_WORDS = 7 };

/* From the entry of the call to its exit. Signals wait meanwhile: a handler would make
 * calls of its own between ours. */
struct passing {
	struct stop stop; /* as the call is to be made */
	struct passing_order order;
	char path[PATH_ROOM];
	uint64_t blocked;  /* signals, as the program has it */
	int32_t pair[2];   /* descriptors of the tracee */
	int32_t received;  /* likewise; -1: none yet */
	int64_t result;	   /* of the call */
	stop_handler next; /* at the exit of the call under way */
};

static void block_signals(const struct tracee *tracee, uint64_t mask)
{
	ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(mask), &mask);
}

void passing_forget(struct tracee *tracee)
{
	struct passing *passing = tracee->passing;

	if (passing && passing->order.fd >= 0)
		close(passing->order.fd);
	free(passing);
	tracee->passing = NULL;
}

/* At an exit stop: the same instruction makes another call. */
static enum verdict inject(struct tracee *tracee, enum arch_call call,
			   const uint64_t args[3], stop_handler next)
{
	struct passing *passing = tracee->passing;
	struct arch_regs *regs = &tracee->stop.regs;

	arch_restart(regs, arch_call(regs, call));
	for (unsigned int i = 0; i < 3; i++)
		arch_set_argument(regs, i, args[i]);
	tracee->stop.dirty = true;
	tracee->stop.leave = passing->next = next;
	return VERDICT_AT_EXIT;
}

/* The call as it is to be made; what was allocated for it is the stop's own. */
static void restore(struct tracee *tracee)
{
	const struct passing *passing = tracee->passing;
	struct stop now = tracee->stop;

	tracee->stop = passing->stop;
	tracee->stop.errands = now.errands;
	tracee->stop.errand_count = now.errand_count;
	tracee->stop.errand_room = now.errand_room;
	tracee->stop.interrupted = now.interrupted;
	tracee->stop.deciding = now.deciding;
	tracee->stop.absent = now.absent;
}

bool passing_goes_on(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct passing *passing = tracee->passing;
	struct arch_regs regs = tracee->stop.regs;

	if (!passing)
		return false;
	restore(tracee);
	tracee->stop.regs = regs;
	tracee->stop.dirty = false;
	tracee->stop.leave = passing->next;
	*ret_verdict = VERDICT_AT_EXIT;
	return true;
}

/* The call is over: `leave` sees its result as if the kernel had given it. */
static enum verdict end(struct run *run, struct tracee *tracee)
{
	struct passing *passing = tracee->passing;
	stop_handler leave = passing->order.leave;
	int64_t result = passing->result;

	restore(tracee);
	block_signals(tracee, passing->blocked);
	passing_forget(tracee);
	arch_set_result(&tracee->stop.regs, result);
	return leave(run, tracee);
}

static enum verdict close_received(struct run *run, struct tracee *tracee)
{
	struct passing *passing = tracee->passing;
	int32_t fd = passing->received;

	passing->received = -1;
	if (fd < 0)
		return end(run, tracee);
	return inject(tracee, ARCH_CLOSE, (uint64_t[]){(uint64_t)fd, 0, 0}, end);
}

/* What the call does with the descriptor has been done. */
static enum verdict leave_use(struct run *run, struct tracee *tracee)
{
	struct passing *passing = tracee->passing;

	passing->result = arch_result(&tracee->stop.regs);
	if (passing->order.use == PASSING_LINK && passing->result == -ENOENT) {
		passing_say(run); /* this process has no /proc */
		passing->result = -EIO;
	}
	block_signals(tracee, UINT64_MAX);
	return close_received(run, tracee);
}

/* The call as it came in, with its path replaced. */
static enum verdict use_path(struct tracee *tracee, const char *path)
{
	struct passing *passing = tracee->passing;
	struct arch_regs *regs = &tracee->stop.regs;
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);
	long number = arch_number(&passing->stop.regs);
	unsigned int at = passing->order.position;
	bool exec = passing->order.use == PASSING_PROGRAM;

	tracee_write(tracee, slot, path, strlen(path) + 1);
	arch_restart(regs, exec ? arch_call(regs, ARCH_EXECVEAT) : number);
	for (unsigned int i = 0; i < 6; i++)
		arch_set_argument(regs, i, arch_argument(&passing->stop.regs, i));
	if (exec) {
		for (unsigned int i = 1; i < 3; i++)
			arch_set_argument(regs, i + 1,
					  arch_argument(&passing->stop.regs, at + i));
		arch_set_argument(regs, 0, (uint64_t)passing->received);
		arch_set_argument(regs, 4, 0);
		at = 1;
	}
	arch_set_argument(regs, at, slot);
	tracee->stop.dirty = true;
	tracee->stop.leave = passing->next = leave_use;
	/* What comes of it is the program's own. */
	block_signals(tracee, passing->blocked);
	return VERDICT_AT_EXIT;
}

static enum verdict use(struct run *run, struct tracee *tracee)
{
	struct passing *passing = tracee->passing;
	const uint64_t args[] = {(uint64_t)passing->received, 0, 0};
	char link[48];

	if (passing->received < 0)
		return end(run, tracee);
	switch (passing->order.use) {
	case PASSING_RESULT:
		passing->result = passing->received;
		return end(run, tracee);
	case PASSING_DIRECTORY:
		return inject(tracee, ARCH_FCHDIR, args, leave_use);
	case PASSING_PROGRAM:
		return use_path(tracee, passing->path);
	case PASSING_LINK:
		break;
	}
	snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", passing->received);
	return use_path(tracee, link);
}

/* ---- the message ---- */

/* struct msghdr and struct cmsghdr as the ABI of the call has them, around one byte. */
static int write_header(struct tracee *tracee, uint64_t slot)
{
	const size_t width = arch_pointer_size(&tracee->stop.regs);
	const size_t control = width + 8 + sizeof(int32_t);
	const uint64_t vector[] = {slot + BYTE_AT, 1};
	/* name, namelen, iov, iovlen, control, controllen, flags */
	const uint64_t header[MOST_WORDS] = {
		0, 0, slot + VECTOR_AT, 1, slot + CONTROL_AT, control, 0};

	if (tracee_write_pointers(tracee, slot + VECTOR_AT, vector, 2) < 0 ||
	    tracee_write_pointers(tracee, slot + HEADER_AT, header, MOST_WORDS) < 0)
		return -EFAULT;
	return 0;
}

static int32_t read_control(struct tracee *tracee, uint64_t slot)
{
	const size_t width = arch_pointer_size(&tracee->stop.regs);
	int32_t fd = -1;

	if (tracee_read(tracee, slot + CONTROL_AT + width + 8, &fd, sizeof(fd)) < 0)
		return -1;
	return fd;
}

static enum verdict leave_receive(struct run *run, struct tracee *tracee)
{
	struct passing *passing = tracee->passing;
	const uint64_t args[] = {(uint64_t)passing->pair[1], 0, 0};
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);

	(void)run;
	if (arch_result(&tracee->stop.regs) == 1)
		passing->received = read_control(tracee, slot);
	return inject(tracee, ARCH_CLOSE, args, use);
}

/* Its end of the pair is closed first: what comes gets the lowest number. */
static enum verdict leave_close(struct run *run, struct tracee *tracee)
{
	const struct passing *passing = tracee->passing;
	uint64_t flags = MSG_DONTWAIT;
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);

	(void)run;
	if (!passing->order.stays_open)
		flags |= MSG_CMSG_CLOEXEC;
	write_header(tracee, slot);
	return inject(tracee, ARCH_RECVMSG,
		      (uint64_t[]){(uint64_t)passing->pair[1], slot + HEADER_AT, flags},
		      leave_receive);
}

static int send_descriptor(int socket, int fd)
{
	char byte = 0;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct iovec vector = {&byte, 1};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static enum verdict leave_pair(struct run *run, struct tracee *tracee)
{
	struct passing *passing = tracee->passing;
	int64_t result = arch_result(&tracee->stop.regs);
	enum verdict verdict;
	uint64_t slot = tracee_slot(tracee, &verdict);
	int socket;

	if (result < 0 || tracee_read(tracee, slot + PAIR_AT, passing->pair,
				      sizeof(passing->pair)) < 0) {
		/* No more numbers: what the call itself would say. */
		if (result != -EMFILE && result != -ENFILE) {
			passing_say(run);
			result = -EIO;
		}
		passing->result = result;
		return end(run, tracee);
	}
	socket = descriptors_duplicate(tracee, passing->pair[0]);
	if (socket < 0 || send_descriptor(socket, passing->order.fd) < 0)
		passing_say(run);
	if (socket >= 0)
		close(socket);
	close(passing->order.fd);
	passing->order.fd = -1;
	return inject(tracee, ARCH_CLOSE,
		      (uint64_t[]){(uint64_t)passing->pair[0], 0, 0}, leave_close);
}

/* ---- the beginning ---- */

enum verdict passing_begin(struct run *run, struct tracee *tracee,
			   const struct passing_order *order)
{
	const uint64_t args[] = {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0};
	struct passing *passing;
	enum verdict verdict;
	uint64_t slot, mask;

	if (order->fd < 0)
		return tracee_answer(tracee, order->fd);
	slot = tracee_slot(tracee, &verdict);
	passing = slot ? calloc(1, sizeof(*passing)) : NULL;
	if (!slot || !passing ||
	    ptrace(PTRACE_GETSIGMASK, tracee->tid, sizeof(mask), &mask) < 0) {
		close(order->fd);
		free(passing);
		return slot ? passing_refuse(run, tracee) : verdict;
	}
	passing->stop = tracee->stop;
	passing->order = *order;
	passing->blocked = mask;
	passing->received = -1;
	passing->result = -EIO;
	if (order->path)
		snprintf(passing->path, sizeof(passing->path), "%s", order->path);
	passing->order.path = NULL;
	tracee->passing = passing;
	block_signals(tracee, UINT64_MAX);
	for (unsigned int i = 0; i < 3; i++)
		arch_set_argument(&tracee->stop.regs, i, args[i]);
	arch_set_argument(&tracee->stop.regs, 3, slot + PAIR_AT);
	passing->next = leave_pair;
	return tracee_call_instead(tracee, ARCH_SOCKETPAIR, leave_pair);
}
