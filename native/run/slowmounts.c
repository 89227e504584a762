/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/slowmounts.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct slowmount {
	uint64_t dev;
	char *point;
};

struct slowlist {
	struct slowmount *list;
	size_t count;
};

struct slowmounts {
	FILE *file; /* /proc/self/mountinfo: the kernel says when it has changed */
	bool known;
	struct slowlist own;
	/* Of another mount namespace; no file of it stays open, it would keep the
	 * mounts there. */
	pid_t of; /* whose; 0: our own list counts */
	struct slowlist other;
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

static void forget(struct slowlist *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		free(mounts->list[i].point);
	free(mounts->list);
	*mounts = (struct slowlist){0};
}

static const struct slowlist *list_of(const struct slowmounts *mounts)
{
	return mounts->of ? &mounts->other : &mounts->own;
}

void slowmounts_destroy(struct slowmounts *mounts)
{
	if (!mounts)
		return;
	forget(&mounts->own);
	forget(&mounts->other);
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

static void note(struct slowlist *mounts, char *line)
{
	unsigned int major_number, minor_number;
	struct slowmount *grown;
	char *type = strstr(line, " - "), *point;
	int at = 0;

	if (!type || sscanf(line, "%*d %*d %u:%u %*s %n", &major_number, &minor_number,
			    &at) != 2)
		return;
	type += 3;
	type[strcspn(type, " ")] = '\0';
	point = line + at;
	point[strcspn(point, " ")] = '\0';
	if (is_local(type))
		return;
	unescape(point);
	grown = realloc(mounts->list, (mounts->count + 1) * sizeof(*grown));
	if (!grown)
		return;
	mounts->list = grown;
	grown[mounts->count].dev = makedev(major_number, minor_number);
	grown[mounts->count].point = strdup(point);
	mounts->count += grown[mounts->count].point != NULL;
}

static void read_again(struct slowlist *mounts, FILE *file)
{
	char *line = NULL;
	size_t size = 0;

	forget(mounts);
	rewind(file);
	while (getline(&line, &size, file) > 0)
		note(mounts, line);
	free(line);
}

static bool any_other(struct slowmounts *mounts)
{
	char path[48];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", mounts->of);
	file = fopen(path, "re");
	if (!file)
		return false;
	read_again(&mounts->other, file);
	fclose(file);
	return mounts->other.count > 0;
}

void slowmounts_choose(struct slowmounts *mounts, pid_t of)
{
	mounts->of = of;
}

bool slowmounts_any(struct slowmounts *mounts)
{
	struct pollfd changed = {.events = POLLPRI};

	if (mounts->of)
		return any_other(mounts);
	if (!mounts->file)
		mounts->file = fopen("/proc/self/mountinfo", "re");
	if (!mounts->file)
		return false;
	changed.fd = fileno(mounts->file);
	if (!mounts->known || (poll(&changed, 1, 0) > 0 && changed.revents & POLLPRI))
		read_again(&mounts->own, mounts->file);
	mounts->known = true;
	return mounts->own.count > 0;
}

bool slowmounts_has_dev(const struct slowmounts *mounts, uint64_t dev)
{
	const struct slowlist *all = list_of(mounts);

	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].dev == dev)
			return true;
	return false;
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

bool slowmounts_has_path(const struct slowmounts *mounts, const char *path)
{
	const struct slowlist *all = list_of(mounts);

	for (size_t i = 0; i < all->count; i++)
		if (is_below(path, all->list[i].point))
			return true;
	return false;
}
