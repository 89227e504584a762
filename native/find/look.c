/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/look.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "find/footing.h"
#include "index/lookup.h"
#include "run/slowmounts.h"
#include "tracee/kernel.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

/* In /proc the kernel asks for more than modes, and lets each process in to its own. */
static bool put_on(const struct call *call, int dir)
{
	return call->tracee->process->credentials.changed &&
	       !look_is_proc(call->run, dir) &&
	       credentials_put_on(call->run, call->tracee);
}

/* `who` looks; NULL: whoever the thread is. */
static int open_how(const struct call *who, int dir, const char *path, uint64_t flags,
		    uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC, .resolve = resolve};
	bool as_other;
	int fd;

	if (!kernel_has(KERNEL_OPENAT2))
		return -ENOSYS;
	if (resolve & RESOLVE_CACHED && !kernel_has(KERNEL_RESOLVE_CACHED))
		return -EINVAL;
	as_other = who && put_on(who, dir);
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (as_other)
		credentials_take_off(who->run);
	if (fd < 0 && errno == ENOSYS)
		kernel_has_not(KERNEL_OPENAT2);
	return fd >= 0 ? fd : -errno;
}

static int open_at(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, flags | O_PATH | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

/* The same without Linux 5.6 where it can be done. */
static int open_waiting(const struct call *who, int dir, const char *path,
			uint64_t flags, uint64_t resolve)
{
	int fd = open_how(who, dir, path, flags, resolve);
	bool as_other;

	if (fd != -ENOSYS || resolve)
		return fd;
	as_other = who && put_on(who, dir);
	fd = open_at(dir, path, (int)flags);
	if (as_other)
		credentials_take_off(who->run);
	return fd;
}

/* ---- looks of errands ---- */

/* What one thread looks at, and what it finds: a descriptor or the text of a link. */
struct look {
	int dir;
	uint64_t flags, resolve;
	struct guise *guise;
	int found; /* or a negative errno */
	char *link;
	ssize_t link_len; /* or a negative errno */
	char path[];
};

static int look_work(void *argument, const atomic_bool *over)
{
	struct look *look = argument;

	(void)over;
	guise_put_on(look->guise);
	if (look->link) {
		look->link_len = readlinkat(look->dir, "", look->link, LOOK_LINK_SIZE);
		if (look->link_len < 0)
			look->link_len = -errno;
	} else {
		look->found = open_waiting(NULL, look->dir, look->path, look->flags,
					   look->resolve);
	}
	guise_take_off(look->guise);
	return 0;
}

static void look_drop(void *argument)
{
	struct look *look = argument;

	if (look->dir >= 0)
		close(look->dir);
	if (look->found >= 0)
		close(look->found);
	free(look->guise);
	free(look->link);
	free(look);
}

static struct look *look_create(const struct call *call, int dir, const char *path)
{
	size_t size = strlen(path) + 1;
	struct look *look = calloc(1, sizeof(*look) + size);

	if (!look)
		return NULL;
	memcpy(look->path, path, size);
	look->found = -1;
	look->dir = dir == AT_FDCWD ? AT_FDCWD : fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (look_is_proc(call->run, dir))
		look->guise = calloc(1, sizeof(*look->guise));
	else
		look->guise = credentials_guise(call->run, call->tracee);
	if (!look->guise || (dir != AT_FDCWD && look->dir < 0)) {
		look_drop(look);
		return NULL;
	}
	return look;
}

/* Sends it. 0: *ret_look has found something; LOOK_WAITS or a negative errno. */
static int look_send(struct call *call, struct look *look, struct look **ret_look)
{
	struct errand errand = {.work = look_work, .drop = look_drop, .argument = look};
	struct stat st = {0};
	void *result;
	int error;

	if (!look)
		return -ENOMEM;
	if (look->dir >= 0)
		look_stat(look->dir, &st);
	errand.key = index_name_hash(look->path, strlen(look->path)) ^
		     (st.st_dev + st.st_ino * 8 + look->flags + look->resolve * 2 +
		      (look->link ? 1 : 0)) *
			     0x9e3779b97f4a7c15;
	error = errand_of_call(call, &errand, &result);
	*ret_look = result;
	return error;
}

static int ask_open(struct call *call, int dir, const char *path, uint64_t flags,
		    uint64_t resolve)
{
	struct look *look = look_create(call, dir, path);
	int result;

	if (look) {
		look->flags = flags;
		look->resolve = resolve;
	}
	result = look_send(call, look, &look);
	if (result < 0)
		return result;
	if (look->found < 0)
		return look->found;
	result = fcntl(look->found, F_DUPFD_CLOEXEC, 0);
	return result >= 0 ? result : -errno;
}

/* ---- which mounts ---- */

bool look_may_wait(const struct call *call, int fd)
{
	struct stat st;

	return slowmounts_any(call->run->slow) &&
	       (look_stat(fd, &st) < 0 ||
		!slowmounts_is_local(call->run->slow, st.st_dev));
}

/* Opens it if that asks no slow mount; -EAGAIN: it may. */
static int open_locally(const struct call *call, int dir, const char *path,
			uint64_t flags, uint64_t resolve)
{
	int fd;

	if (path[0] == '/' && resolve & RESOLVE_NO_SYMLINKS)
		return slowmounts_has_path(call->run->slow, path)
			       ? -EAGAIN
			       : open_waiting(call, dir, path, flags, resolve);
	if (dir == AT_FDCWD || look_may_wait(call, dir))
		return -EAGAIN;
	fd = open_how(call, dir, path, flags, resolve | RESOLVE_NO_XDEV);
	return fd == -EXDEV || fd == -ENOSYS ? -EAGAIN : fd;
}

int look_open_at_once(const struct call *call, int dir, const char *path,
		      uint64_t flags, uint64_t resolve)
{
	int fd = open_how(call, dir, path, flags, resolve | RESOLVE_CACHED);

	/* EINVAL: the kernel knows no RESOLVE_CACHED. */
	if (fd != -EAGAIN && fd != -EINVAL && (fd != -ENOSYS || resolve))
		return fd;
	if (!slowmounts_any(call->run->slow))
		return open_waiting(call, dir, path, flags, resolve);
	return open_locally(call, dir, path, flags, resolve);
}

int look_open(struct call *call, int dir, const char *path, uint64_t flags,
	      uint64_t resolve)
{
	int fd = look_open_at_once(call, dir, path, flags, resolve);

	return fd == -EAGAIN ? ask_open(call, dir, path, flags, resolve) : fd;
}

ssize_t look_link(struct call *call, int fd, char text[LOOK_LINK_SIZE])
{
	struct look *look;
	ssize_t result;

	if (!look_may_wait(call, fd)) {
		result = readlinkat(fd, "", text, LOOK_LINK_SIZE);
		return result >= 0 ? result : -errno;
	}
	look = look_create(call, fd, "");
	if (look)
		look->link = malloc(LOOK_LINK_SIZE);
	if (look && !look->link) {
		look_drop(look);
		look = NULL;
	}
	result = look_send(call, look, &look);
	if (result < 0)
		return result;
	if (look->link_len > 0)
		memcpy(text, look->link, (size_t)look->link_len);
	return look->link_len;
}

enum look_plain look_plain(struct call *call, int dir, const char *path, bool follow)
{
	const struct prefixes *prefixes = &call->run->prefixes;
	bool other = footing_of(call->run, call->tracee)->other_mounts, in_proc;
	bool shadows = prefixes->others || (prefixes->top && prefixes->top->on_host);
	uint64_t flags = follow ? 0 : O_NOFOLLOW;
	int fd = look_open(call, dir, path, flags, RESOLVE_NO_SYMLINKS);
	const bool linked = fd == -ELOOP;

	/* There are links. Where the host has none of the names in the table, whatever
	 * the kernel finds was not found through them; but links of /proc are the
	 * tracee's, not ours, and from other mounts an absolute one leads elsewhere. */
	if (fd == -ELOOP && !shadows && !other) {
		fd = look_open(call, dir, path, flags, RESOLVE_NO_MAGICLINKS);
		if (fd < 0 && fd != LOOK_WAITS)
			return LOOK_NOT_PLAIN;
	}
	if (fd == LOOK_WAITS)
		return LOOK_QUESTION;
	if (fd == -ELOOP || fd == -ENOSYS)
		return LOOK_NOT_PLAIN;
	/* Its own /proc may be another one than ours, and anywhere; and a link of the
	 * host's (/etc/mtab) may lead to a text of ours. */
	in_proc = fd >= 0 && (other || linked) && look_is_proc(call->run, fd);
	if (fd >= 0)
		close(fd);
	return in_proc ? LOOK_NOT_PLAIN : LOOK_PLAIN;
}
