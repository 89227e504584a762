/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "given/twin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "find/footing.h"
#include "find/look.h"
#include "given/copy.h"
#include "run/openables.h"
#include "run/owners.h"
#include "run/scratch.h"
#include "run/twins.h"

enum { MOST_AT_ONCE = 64 << 10, MAGIC = 4 };

/* What the kernel, or a program that maps it, would execute: ELF and PE files. */
static int refuse_program(int copy, size_t size, const char *text)
{
	char head[MAGIC] = "";

	(void)text;
	if (size >= sizeof(head) && pread(copy, head, sizeof(head), 0) < 0)
		return -errno;
	return memcmp(head, "\177ELF", MAGIC) == 0 || memcmp(head, "MZ", 2) == 0
		       ? -ENOEXEC
		       : 0;
}

static int copy_to(struct call *call, const char *path, const struct twin_order *order,
		   const struct twin_spot *spot)
{
	char buffer[SCRATCH_OWN_SIZE];
	const struct scratch *scratch =
		spot->in_memory ? call->run->memory : &call->run->scratch;
	struct copy_order copy = {.to = scratch_own(scratch, spot->path, buffer),
				  .change = spot->is_noexec ? refuse_program : NULL,
				  .most = TWINS_LARGEST};
	_cleanup_close_ int fd = -1;
	int result;

	if (spot->is_noexec && order->entry->mode & 0111)
		return -ENOEXEC;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	copy.fd = fd;
	if (order->entry->size <= MOST_AT_ONCE && !look_may_wait(call, fd))
		result = copy_at_once(&copy);
	else
		result = copy_make(call, &copy);
	if (result == -EFBIG)
		twins_share_nothing(call->run);
	return result < 0 ? result : twins_made(call->run, order, spot);
}

int twin_of_object(struct target *target, const char *path, char *ret_path, size_t size)
{
	struct call *call = &target->call;
	struct twin_order order = {.place = &target->walk.at,
				   .entry = &target->walk.entry,
				   .in_scratch = call->run->remounted};
	struct twin_spot spot;
	enum owner owner;
	int result;

	owner = owners_take(call->run, order.place, order.entry);
	if (owner == OWNER_UNKNOWN)
		openables_doubt(call->run);
	if (owner != OWNER_ANOTHER)
		return 1;
	order.in_scratch |= footing_of(call->run, call->tracee)->other_mounts;
	result = twins_find(call->run, &order, &spot);
	if (result == 0 && !spot.is_there)
		result = copy_to(call, path, &order, &spot);
	if (result < 0 && result != LOOK_WAITS && spot.in_memory) {
		order.in_scratch = true; /* full, or taken away from us */
		result = twins_find(call->run, &order, &spot);
		if (result == 0 && !spot.is_there)
			result = copy_to(call, path, &order, &spot);
	}
	if (result < 0)
		return result;
	return (size_t)snprintf(ret_path, size, "%s", spot.path) < size ? 0
									: -ENAMETOOLONG;
}
