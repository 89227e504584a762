/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "given/passing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "find/footing.h"
#include "find/look.h"
#include "run/scratch.h"

enum { PATH_ROOM = 4096 };

/* What lies over it may be a file system that does not answer, or only after a call of
 * the job's: then a descriptor is handed over, which is right in any case. */
bool passing_is_needed(const struct call *call, const char *path)
{
	char own[SCRATCH_OWN_SIZE];
	struct stat ours, theirs;
	_cleanup_close_ int root = -1, fd = -1;

	if (!footing_of(call->run, call->tracee)->other_mounts && !call->run->remounted)
		return false;
	root = footing_root(call->run, call->tracee);
	if (root < 0)
		return true;
	fd = look_open_at_once(call, root, path + strspn(path, "/"), O_NOFOLLOW, 0);
	if (fd < 0)
		return true;
	return look_stat(fd, &theirs) < 0 ||
	       lstat(scratch_own(&call->run->scratch, path, own), &ours) < 0 ||
	       ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino;
}

void passing_say(struct run *run)
{
	run_say_once(run, SAID_COVERED,
		     PREFIX_REPOSITORIES
		     " cannot be read by a process that has mounted something "
		     "over the scratch or the cache, and that cannot be given "
		     "descriptors: Input/output error (choose another directory "
		     "with --scratch or --cache)");
}

enum verdict passing_refuse(struct run *run, struct tracee *tracee)
{
	passing_say(run);
	return tracee_answer(tracee, -EIO);
}

static int open_own(const struct run *run, const char *path, int flags)
{
	char own[SCRATCH_OWN_SIZE];
	int fd = open(scratch_own(&run->scratch, path, own), flags | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

enum verdict passing_open(struct run *run, struct tracee *tracee, const char *path,
			  uint64_t flags, stop_handler leave)
{
	struct passing_order order = {.use = PASSING_RESULT,
				      .stays_open = !(flags & O_CLOEXEC),
				      .leave = leave};
	int mine = (int)flags & ~(O_CREAT | O_EXCL | O_NOATIME);
	struct stat st;

	order.fd = open_own(run, path, O_PATH | O_NOFOLLOW);
	/* Opening a FIFO waits for another process. */
	if (order.fd >= 0 && look_stat(order.fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		close(order.fd);
		return passing_refuse(run, tracee);
	}
	if (order.fd >= 0)
		close(order.fd);
	order.fd = open_own(run, path, mine | O_NOCTTY);
	return passing_begin(run, tracee, &order);
}

enum verdict passing_link(struct run *run, struct tracee *tracee, const char *path,
			  unsigned int position)
{
	return passing_begin(
		run, tracee,
		&(struct passing_order){.fd = open_own(run, path, O_PATH | O_NOFOLLOW),
					.use = PASSING_LINK,
					.position = position,
					.leave = tracee_leave_as_is});
}

enum verdict passing_chdir(struct run *run, struct tracee *tracee, const char *path)
{
	return passing_begin(
		run, tracee,
		&(struct passing_order){.fd = open_own(run, path, O_PATH | O_DIRECTORY),
					.use = PASSING_DIRECTORY,
					.leave = tracee_leave_as_is});
}

enum verdict passing_execute(struct run *run, struct tracee *tracee, const char *padded,
			     unsigned int position, stop_handler leave)
{
	const char *name = strrchr(padded, '/') + 1;
	char directory[PATH_ROOM], below[PATH_ROOM];
	size_t len = strlen(padded), fill;

	snprintf(directory, sizeof(directory), "%.*s", (int)(name - padded), padded);
	/* As long as it was, without beginning at the root. */
	fill = (len - strlen(name)) / 2 * 2;
	for (size_t i = 0; i < fill; i += 2)
		memcpy(below + i, "./", 2);
	snprintf(below + fill, sizeof(below) - fill, "%s", name);
	return passing_begin(
		run, tracee,
		&(struct passing_order){
			.fd = open_own(run, directory + strspn(directory, "/") - 1,
				       O_PATH | O_DIRECTORY),
			.use = PASSING_PROGRAM,
			.position = position,
			.path = below,
			.leave = leave});
}
