/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories that we write: what is done there is done once, in a scratch of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/quota.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "doctor/doctor.h"
#include "owned/owned.h"
#include "run/scratch.h"

enum { TRIED_BYTES = 64 * 1024, LITTLE_INODES = 1000 };
/* As of interpose/repository/caches.py. */
static const unsigned long long little_bytes = 64ull << 20;

/* Source: statfs(2) and linux/magic.h. */
static const struct {
	unsigned int magic;
	bool shared; /* between nodes */
	const char *name;
} kinds[] = {
	{0x01021994, false, "tmpfs"},	 {0x858458f6, false, "ramfs"},
	{0xef53, false, "ext2/3/4"},	 {0x58465342, false, "xfs"},
	{0x9123683e, false, "btrfs"},	 {0x794c7630, false, "overlay"},
	{0x2fc12fc1, false, "zfs"},	 {0xf2f52010, false, "f2fs"},
	{0x73717368, false, "squashfs"}, {0x6969, true, "nfs"},
	{0xff534d42, true, "cifs"},	 {0xfe534d42, true, "smb"},
	{0x0bd00bd0, true, "lustre"},	 {0x47504653, true, "gpfs"},
	{0x00c36400, true, "ceph"},	 {0x5346414f, true, "afs"},
	{0x19830326, true, "beegfs"},	 {0x01021997, true, "9p"},
	{0x65735546, true, "fuse"},
};

static void say_kind(const char *path, struct finding *finding)
{
	struct statfs found;
	char number[32];
	const char *name = number;
	bool shared = false;

	if (statfs(path, &found) < 0)
		return;
	snprintf(number, sizeof(number), "file system %#x", (unsigned int)found.f_type);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].magic == (unsigned int)found.f_type) {
			name = kinds[i].name;
			shared = kinds[i].shared;
		}
	finding_fact(finding, "type", name);
	finding_fact(finding, "shared", shared ? "yes" : "no");
	finding_say(finding, LEVEL_OK, "%s%s", name,
		    shared			 ? " (shared between nodes?)"
		    : strcmp(name, "tmpfs") == 0 ? " (what is written takes memory)"
						 : "");
}

static void say_room(const char *path, struct finding *finding)
{
	unsigned long long bytes, inodes;
	struct statvfs found;

	if (statvfs(path, &found) < 0)
		return;
	bytes = (unsigned long long)found.f_bavail * found.f_frsize;
	inodes = found.f_favail;
	finding_number(finding, "free_bytes", (long long)bytes);
	finding_say(finding, bytes < little_bytes ? LEVEL_WARNING : LEVEL_OK,
		    "%s%llu MB free", bytes < little_bytes ? "only " : "", bytes >> 20);
	if (!found.f_files)
		return; /* this kind does not count them */
	finding_number(finding, "free_inodes", (long long)inodes);
	finding_say(finding, inodes < LITTLE_INODES ? LEVEL_WARNING : LEVEL_OK,
		    "%s%llu inodes free", inodes < LITTLE_INODES ? "only " : "",
		    inodes);
}

/* What the file system itself says of this user (Linux 5.14). */
static void say_quota(int fd, struct finding *finding)
{
	/* QCMD() of the header shifts into the sign. */
	const unsigned int command = (unsigned int)Q_GETQUOTA << SUBCMDSHIFT | USRQUOTA;
	struct if_dqblk quota = {0};
	unsigned long long most, left;

	if (syscall(SYS_quotactl_fd, fd, command, geteuid(), &quota) < 0 ||
	    !quota.dqb_bhardlimit)
		return;
	most = quota.dqb_bhardlimit * 1024;
	left = most > quota.dqb_curspace ? most - quota.dqb_curspace : 0;
	finding_number(finding, "quota_left_bytes", (long long)left);
	finding_say(finding, left < little_bytes ? LEVEL_WARNING : LEVEL_OK,
		    "%s%llu MB left of the quota", left < little_bytes ? "only " : "",
		    left >> 20);
}

static int write_some(int fd)
{
	static char zeros[TRIED_BYTES];
	ssize_t wrote = write(fd, zeros, sizeof(zeros));

	if (wrote < 0)
		return -errno;
	return wrote == (ssize_t)sizeof(zeros) ? 0 : -ENOSPC;
}

/* Files are written, executed, renamed over others, linked. */
static void try_files(const char *top, enum level level, struct finding *finding)
{
	char file[PATH_MAX + 16], other[PATH_MAX + 16];
	int fd, error;

	snprintf(file, sizeof(file), "%s/tried", top);
	snprintf(other, sizeof(other), "%s/other", top);
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	error = fd < 0 ? -errno : write_some(fd);
	if (error < 0)
		finding_say(finding, level, "cannot write: %s", strerror(-error));
	else
		say_quota(fd, finding);
	if (fd >= 0)
		close(fd);
	if (fd < 0)
		return;
	if (access(file, X_OK) < 0)
		finding_say(finding, LEVEL_WARNING,
			    "programs cannot be executed from there: %s",
			    strerror(errno));
	if (link(file, other) < 0)
		finding_say(finding, LEVEL_OK, "no hard links: %s", strerror(errno));
	if (rename(file, other) < 0)
		finding_say(finding, level, "cannot rename: %s", strerror(errno));
	unlink(file);
	unlink(other);
}

/* In a directory that is there. */
static void try_directory(const char *path, enum level level, struct finding *finding)
{
	bool blind = access("/proc/self/fd", X_OK) < 0; /* then no scratch is made */
	struct scratch scratch;
	int error = blind ? 0 : scratch_create(path, SCRATCH_OF_RUN, &scratch);

	if (blind) {
		finding_say(finding, LEVEL_OK, "not tried without /proc");
	} else if (error < 0) {
		finding_say(finding, level, "cannot use the directory: %s",
			    strerror(-error));
	} else {
		try_files(scratch.path, level, finding);
		scratch_remove(&scratch);
	}
	say_kind(path, finding);
	say_room(path, finding);
}

void look_at_scratch(const struct doctor_node *node, struct finding *finding)
{
	if (!node->scratch[0]) {
		finding_say(finding, LEVEL_NO, "no scratch directory can be used");
		return;
	}
	finding_fact(finding, "path", node->scratch);
	finding_say(finding, LEVEL_OK, "%s", node->scratch);
	if (scratch_base_is_open(node->scratch))
		finding_say(finding, LEVEL_NO,
			    "all may exchange what is there (give it the sticky bit)");
	else
		try_directory(node->scratch, LEVEL_NO, finding);
	if (!node->memory)
		return;
	finding_fact(finding, "memory", node->memory);
	finding_say(finding, LEVEL_OK, "directories of /cvmfs in %s", node->memory);
}

/* The nearest directory that is there. */
static void climb(char *path)
{
	struct stat status;

	while (stat(path, &status) < 0 && strrchr(path, '/') > path)
		*strrchr(path, '/') = '\0';
	if (stat(path, &status) < 0)
		strcpy(path, "/");
}

static bool look_at_place(const struct doctor_node *node, struct finding *finding,
			  char *ret_there)
{
	snprintf(ret_there, PATH_MAX, "%s", node->place);
	finding_fact(finding, "path", node->place);
	finding_say(finding, LEVEL_OK, "%s", node->place);
	climb(ret_there);
	return strcmp(ret_there, node->place) == 0;
}

void look_at_cache(const struct doctor_node *node, struct finding *finding)
{
	char there[PATH_MAX], where[PATH_MAX];
	int found;

	if (!node->place[0]) {
		finding_say(finding, LEVEL_WARNING,
			    "no cache directory can be written, what is fetched is "
			    "not kept");
		finding_advise(finding, "set HOME, or give one with --cache");
		return;
	}
	if (!look_at_place(node, finding, there))
		finding_say(finding, LEVEL_OK, "not there yet");
	found = owned_check(there, where, sizeof(where));
	if (found == INTERPOSE_OWNED_OPEN && strcmp(there, node->place) == 0)
		finding_say(finding, LEVEL_WARNING,
			    "not used, others can write %s (chmod go-w it)", where);
	try_directory(there, LEVEL_WARNING, finding);
}

void look_at_alien_cache(const struct doctor_node *node, struct finding *finding)
{
	char there[PATH_MAX];

	if (!node->place[0])
		return;
	if (!look_at_place(node, finding, there) && access(there, W_OK | X_OK) < 0)
		finding_say(finding, LEVEL_WARNING, "not there, and cannot be made");
	else if (access(there, R_OK | X_OK) < 0)
		finding_say(finding, LEVEL_WARNING, "cannot be read: %s",
			    strerror(errno));
	else if (access(there, W_OK) < 0)
		finding_say(finding, LEVEL_OK, "may only be read");
	else
		try_directory(there, LEVEL_WARNING, finding);
}
