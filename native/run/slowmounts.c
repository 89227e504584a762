/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/slowmounts.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch/numbers.h"

struct slowmount {
	uint64_t dev;
	char *point;
};

struct devices {
	uint64_t *list;
	size_t count;
};

/* One of a local kind. An overlay has its files from other mounts. */
struct local {
	struct local *next;
	uint64_t dev;
	char *point, *options;
};

struct space {
	struct slowmount *list;
	size_t count;
	struct devices local;
	bool other_proc; /* slowmounts_other_proc() */
};

struct slowmounts {
	FILE *file; /* /proc/self/mountinfo: the kernel says when it has changed */
	bool known;
	struct space own;
	/* Of another mount namespace; no file of it stays open, it would keep the
	 * mounts there. */
	pid_t of; /* whose; 0: our own space counts */
	struct space other;
	struct devices former; /* of slow ones that are not mounted any more */
};

/* What answers by itself. Whatever else there is, or will be, may not. */
static const char *const local_types[] = {
	"ext2",	      "ext3",	   "ext4",     "xfs",	  "btrfs",   "bcachefs",
	"f2fs",	      "jfs",	   "zfs",      "tmpfs",	  "ramfs",   "rootfs",
	"devtmpfs",   "devpts",	   "proc",     "sysfs",	  "cgroup",  "cgroup2",
	"mqueue",     "hugetlbfs", "debugfs",  "tracefs", "pstore",  "securityfs",
	"bpf",	      "configfs",  "efivarfs", "fusectl", "nsfs",    "binfmt_misc",
	"overlay",    "aufs",	   "squashfs", "erofs",	  "iso9660", "udf",
	"vfat",	      "exfat",	   "msdos",    "ntfs3",	  "hfsplus", "selinuxfs",
	"rpc_pipefs", "resctrl",   "9p",       "virtiofs"};

struct slowmounts *slowmounts_create(void)
{
	return calloc(1, sizeof(struct slowmounts));
}

static bool has(const struct devices *devices, uint64_t dev)
{
	for (size_t i = 0; i < devices->count; i++)
		if (devices->list[i] == dev)
			return true;
	return false;
}

static void add(struct devices *devices, uint64_t dev)
{
	uint64_t *grown;

	if (has(devices, dev))
		return;
	grown = realloc(devices->list, (devices->count + 1) * sizeof(*grown));
	if (!grown)
		return;
	devices->list = grown;
	grown[devices->count++] = dev;
}

static void take_out(struct devices *devices, uint64_t dev)
{
	for (size_t i = 0; i < devices->count; i++)
		if (devices->list[i] == dev)
			devices->list[i--] = devices->list[--devices->count];
}

static void forget(struct slowmounts *mounts, struct space *space)
{
	for (size_t i = 0; i < space->count; i++) {
		add(&mounts->former, space->list[i].dev);
		free(space->list[i].point);
	}
	free(space->list);
	space->list = NULL;
	space->count = space->local.count = 0;
	space->other_proc = false;
}

static const struct space *space_of(const struct slowmounts *mounts)
{
	return mounts->of ? &mounts->other : &mounts->own;
}

void slowmounts_destroy(struct slowmounts *mounts)
{
	if (!mounts)
		return;
	forget(mounts, &mounts->own);
	forget(mounts, &mounts->other);
	free(mounts->own.local.list);
	free(mounts->other.local.list);
	free(mounts->former.list);
	if (mounts->file)
		fclose(mounts->file);
	free(mounts);
}

static bool is_local(const char *type)
{
	for (size_t i = 0; i < sizeof(local_types) / sizeof(local_types[0]); i++)
		if (strcmp(type, local_types[i]) == 0)
			return true;
	return false;
}

/* \040 and its like, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; to++) {
		unsigned int code;

		if (sscanf(text, "\\%3o", &code) == 1) {
			*to = (char)code;
			text += 4;
		} else {
			*to = *text++;
		}
	}
	*to = '\0';
}

/* Takes a name off `text`; its length, 0 at the end. "." and empty names are none. */
static size_t next_name(const char **text, const char **ret_name)
{
	size_t len;

	do {
		*text += strspn(*text, "/");
		*ret_name = *text;
		len = strcspn(*text, "/");
		*text += len;
	} while (len == 1 && **ret_name == '.');
	return len;
}

static bool is_below(const char *path, const char *point)
{
	const char *wanted, *name;
	size_t len;

	while ((len = next_name(&point, &wanted)))
		if (next_name(&path, &name) != len || memcmp(name, wanted, len) != 0)
			return false;
	return true;
}

static bool has_path(const struct space *space, const char *path)
{
	for (size_t i = 0; i < space->count; i++)
		if (is_below(path, space->list[i].point))
			return true;
	return false;
}

bool slowmounts_has_path(const struct slowmounts *mounts, const char *path)
{
	return has_path(space_of(mounts), path);
}

static void add_slow(struct space *space, uint64_t dev, const char *point)
{
	struct slowmount *grown =
		realloc(space->list, (space->count + 1) * sizeof(*grown));

	if (!grown)
		return;
	space->list = grown;
	grown[space->count].dev = dev;
	grown[space->count].point = strdup(point);
	space->count += grown[space->count].point != NULL;
}

/* Files of btrfs and the like have other numbers than their mount; these can be asked
 * for by a path of our own only. */
static void add_local(struct space *space, uint64_t dev, const char *point, bool own)
{
	const int flags = AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW;
	struct statx stx;

	add(&space->local, dev);
	if (own && major(dev) == 0 && !has_path(space, point) &&
	    syscall(SYS_statx, AT_FDCWD, point, flags | AT_STATX_DONT_SYNC, STATX_INO,
		    &stx) == 0)
		add(&space->local, makedev(stx.stx_dev_major, stx.stx_dev_minor));
}

/* Is one of the directories that an overlay shows slow? "lowerdir=A:B,upperdir=C" */
static bool rests_on_slow(const struct space *space, char *options)
{
	char *rest = options, *word;

	while ((word = strsep(&rest, ",:=")))
		if (word[0] == '/' && has_path(space, word))
			return true;
	return false;
}

/* A line of mountinfo; what is local, or an overlay, is told from the rest when all
 * slow ones are known: *later. */
static void note(struct space *space, char *line, struct local **later)
{
	unsigned int major_number, minor_number;
	char *type = strstr(line, " - "), *point, *options;
	struct local *local;
	uint64_t dev;
	int at = 0;

	if (!type || sscanf(line, "%*d %*d %u:%u %*s %n", &major_number, &minor_number,
			    &at) != 2)
		return;
	dev = makedev(major_number, minor_number);
	type += 3;
	options = type + strcspn(type, " ");
	options += *options != '\0';
	type[strcspn(type, " ")] = '\0';
	point = line + at;
	point[strcspn(point, " ")] = '\0';
	unescape(point);
	space->other_proc |= strcmp(type, "proc") == 0 && !is_below(point, "/proc");
	if (!is_local(type)) {
		add_slow(space, dev, point);
		return;
	}
	unescape(options);
	local = calloc(1, sizeof(*local));
	if (!local)
		return; /* unknown, so it is taken for slow */
	local->dev = dev;
	local->point = strdup(point);
	local->options = strdup(strcmp(type, "overlay") == 0 ? options : "");
	local->next = *later;
	*later = local;
}

static void note_later(struct space *space, struct local *local, bool own)
{
	if (local->point && local->options) {
		if (rests_on_slow(space, local->options))
			add_slow(space, local->dev, local->point);
		else
			add_local(space, local->dev, local->point, own);
	}
	free(local->point);
	free(local->options);
	free(local);
}

static void read_again(struct slowmounts *mounts, struct space *space, FILE *file)
{
	struct local *later = NULL, *next;
	char *line = NULL;
	size_t size = 0;
	bool asked;

	forget(mounts, space);
	rewind(file);
	while (getline(&line, &size, file) > 0)
		note(space, line, &later);
	free(line);
	/* Where nothing is slow nobody asks what is local. */
	asked = space->count || mounts->former.count;
	for (; later; later = next) {
		next = later->next;
		note_later(space, later, asked && space == &mounts->own);
	}
	/* Numbers are given anew. */
	for (size_t i = 0; i < space->local.count; i++)
		take_out(&mounts->former, space->local.list[i]);
}

static void read_other(struct slowmounts *mounts)
{
	char path[48];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", mounts->of);
	file = fopen(path, "re");
	if (!file)
		return;
	read_again(mounts, &mounts->other, file);
	fclose(file);
}

static void read_own(struct slowmounts *mounts)
{
	struct pollfd changed = {.events = POLLPRI};

	if (!mounts->file)
		mounts->file = fopen("/proc/self/mountinfo", "re");
	if (!mounts->file)
		return;
	changed.fd = fileno(mounts->file);
	if (!mounts->known || (poll(&changed, 1, 0) > 0 && changed.revents & POLLPRI))
		read_again(mounts, &mounts->own, mounts->file);
	mounts->known = true;
}

void slowmounts_choose(struct slowmounts *mounts, pid_t of)
{
	mounts->of = of;
}

bool slowmounts_any(struct slowmounts *mounts)
{
	if (mounts->of)
		read_other(mounts);
	else
		read_own(mounts);
	return space_of(mounts)->count > 0 || mounts->former.count > 0;
}

bool slowmounts_other_proc(struct slowmounts *mounts)
{
	read_own(mounts);
	return !mounts->file || mounts->own.other_proc;
}

bool slowmounts_is_local(const struct slowmounts *mounts, uint64_t dev)
{
	return has(&space_of(mounts)->local, dev) && !slowmounts_is_slow(mounts, dev);
}

bool slowmounts_is_slow(const struct slowmounts *mounts, uint64_t dev)
{
	const struct space *space = space_of(mounts);

	for (size_t i = 0; i < space->count; i++)
		if (space->list[i].dev == dev)
			return true;
	return has(&mounts->former, dev);
}
