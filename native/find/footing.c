/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/footing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "find/look.h"
#include "tracee/kernel.h"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000 /* Linux 5.8 */
#endif

/* struct statx of <linux/stat.h> has the number behind its three devices. */
enum { MOUNT_AT = 0x90 };

uint64_t footing_mount(int fd, const char *path)
{
	union {
		struct statx stx;
		uint64_t words[32];
	} found = {.words = {0}};

	if (!kernel_has(KERNEL_STATX) ||
	    syscall(SYS_statx, fd, path,
		    AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_MNT_ID,
		    &found) < 0 ||
	    !(found.stx.stx_mask & STATX_MNT_ID))
		return 0;
	return found.words[MOUNT_AT / sizeof(uint64_t)];
}

/* What cannot be read stays as it was. */
static void read_again(const struct run *run, const struct tracee *tracee)
{
	struct footing *footing = tracee->footing;
	struct stat root, space;
	char path[64];

	footing->stale = false;
	snprintf(path, sizeof(path), "/proc/%d/root", tracee->tid);
	if (look_known(AT_FDCWD, path, 0, &root) < 0)
		return;
	footing->other_root = root.st_dev != run->machine.root_dev ||
			      root.st_ino != run->machine.root_ino;
	footing->other_mounts =
		run->machine.root_mount &&
		footing_mount(AT_FDCWD, path) != run->machine.root_mount;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", tracee->tid);
	if (run->machine.mount_space && stat(path, &space) == 0)
		footing->other_mounts |= space.st_ino != run->machine.mount_space;
}

const struct footing *footing_of(const struct run *run, struct tracee *tracee)
{
	if (tracee->footing->stale)
		read_again(run, tracee);
	return tracee->footing;
}

int footing_root(const struct run *run, struct tracee *tracee)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char path[64];
	int fd;

	if (!footing_of(run, tracee)->other_mounts) {
		fd = open("/", flags);
	} else {
		snprintf(path, sizeof(path), "/proc/%d/root", tracee->tid);
		fd = open(path, flags);
	}
	return fd >= 0 ? fd : -errno;
}

bool footing_is_root(const struct run *run, struct tracee *tracee, int fd)
{
	char path[64];

	if (!look_is_root(run, fd))
		return false;
	if (!footing_of(run, tracee)->other_mounts)
		return !run->machine.root_mount ||
		       footing_mount(fd, "") == run->machine.root_mount;
	snprintf(path, sizeof(path), "/proc/%d/root", tracee->tid);
	return footing_mount(fd, "") == footing_mount(AT_FDCWD, path);
}

static void make_stale(struct tracee *tracee, void *context)
{
	(void)context;
	tracee->footing->stale = true;
}

void footing_all_stale(struct run *run)
{
	tracees_each(run->tracees, make_stale, NULL);
}
