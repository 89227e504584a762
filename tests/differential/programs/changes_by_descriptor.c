/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Through a descriptor alone nobody changes a file of the tree. */
/* covers: fchmod fchown fsetxattr fremovexattr ioctl utimensat fchownat */
/* covers: fchmodat2 linkat open truncate setxattrat removexattrat file_setattr */
/* covers: futimesat */
#include "newer_calls.h"
#include "probe.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>

static void by_number(int fd, const char *label)
{
	struct timespec times[2] = {{1, 2}, {3, 4}};
	struct fsxattr attributes = {0};
	long flags = 0;

	say(CALL(fchmod, fd, 0777), "fchmod %s", label);
	say(CALL(fchown, fd, 1, 1), "fchown %s", label);
	say(CALL(fchown, fd, -1, -1), "fchown to nobody %s", label);
	say(CALL(fchownat, fd, "", 1, 1, AT_EMPTY_PATH), "fchownat %s", label);
	say(CALL(fchmodat2, fd, "", 0777, AT_EMPTY_PATH), "fchmodat2 %s", label);
	say(CALL(utimensat, fd, NULL, times, 0), "futimens %s", label);
	say(CALL(utimensat, fd, NULL, NULL, 0), "futimens now %s", label);
	say(CALL(utimensat, fd, NULL, times, AT_SYMLINK_NOFOLLOW),
	    "futimens bad flag %s", label);
	say(CALL(utimensat, fd, "", times, AT_EMPTY_PATH), "utimensat empty %s", label);
	say(CALL(fsetxattr, fd, "user.x", "v", 1, 0), "fsetxattr %s", label);
	say(CALL(fsetxattr, fd, "user.x", "v", 1, 8), "fsetxattr bad flag %s", label);
	say(CALL(fremovexattr, fd, "user.x"), "fremovexattr %s", label);
	say(ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0, "SETFLAGS refused %s", label);
	say(ioctl(fd, FS_IOC_FSSETXATTR, &attributes) < 0, "FSSETXATTR refused %s",
	    label);
	say(ioctl(fd, 0x40806685, NULL) < 0, "verity refused %s", label);
	say(CALL(linkat, fd, "", AT_FDCWD, at_host("fresh"), AT_EMPTY_PATH),
	    "linkat %s", label);
}

/* Those that came with Linux 6.13 and 6.17, and one of before 2.6.22. */
static void by_newer_number(int fd, const char *label)
{
	static const char *const paths[] = {"", NULL};
	struct xattr_arguments value = {(uint64_t)(uintptr_t) "value", 5, 0};
	struct timeval bad[2] = {{1, 1000000}, {3, 4}};
	uint64_t flags[3] = {0};

	for (int i = 0; i < 2; i++) {
		const char *path = paths[i];

		say(syscall(NR_SETXATTRAT, fd, path, AT_EMPTY_PATH, "user.x", &value,
			    sizeof(value)),
		    "setxattrat %d %s", i, label);
		say(syscall(NR_SETXATTRAT, fd, path, 0, "user.x", &value,
			    sizeof(value)),
		    "setxattrat without flag %d %s", i, label);
		say(syscall(NR_REMOVEXATTRAT, fd, path, AT_EMPTY_PATH, "user.x"),
		    "removexattrat %d %s", i, label);
		say(syscall(NR_FILE_SETATTR, fd, path, flags, sizeof(flags),
			    AT_EMPTY_PATH),
		    "file_setattr %d %s", i, label);
		say(syscall(NR_FILE_SETATTR, fd, path, flags, sizeof(flags), 0),
		    "file_setattr without flag %d %s", i, label);
	}
#ifdef SYS_futimesat
	say(CALL(futimesat, fd, NULL, NULL), "futimesat %s", label);
	say(CALL(futimesat, fd, NULL, bad), "futimesat bad times %s", label);
	say(CALL(futimesat, fd, NULL, 8), "futimesat bad pointer %s", label);
#else
	(void)bad;
#endif
}

static void by_content(int fd, const char *label)
{
	char byte = 'x';

	say(write(fd, &byte, 1), "write %s", label);
	say(pwrite(fd, &byte, 1, 0), "pwrite %s", label);
	say(ftruncate(fd, 0), "ftruncate %s", label);
	say(fallocate(fd, 0, 0, 10), "fallocate %s", label);
	say(fsync(fd), "fsync %s", label);
	say(fcntl(fd, F_SETFL, O_APPEND), "O_APPEND %s", label);
	say(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED,
	    "shared writable map refused %s", label);
	say(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED,
	    "private writable map refused %s", label);
	say(mprotect(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), 4096,
		     PROT_READ | PROT_WRITE) < 0,
	    "mprotect refused %s", label);
}

static void by_link(int fd, const char *label)
{
	static const char *const forms[] = {"/proc/self/fd/%d", "/dev/fd/%d",
					    "/proc/thread-self/fd/%d"};
	char path[64];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(path, sizeof(path), forms[i], fd);
		say_open(open(path, O_RDWR | O_NONBLOCK), "open to write %zu %s", i,
			 label);
		say_open(open(path, O_WRONLY | O_TRUNC | O_NONBLOCK),
			 "open to truncate %zu %s", i, label);
		say_open(open(path, O_RDONLY | O_TRUNC | O_NONBLOCK),
			 "open and truncate %zu %s", i, label);
		say_open(open(path, O_WRONLY | O_APPEND | O_NONBLOCK),
			 "open to append %zu %s", i, label);
		say_open(open(path, O_WRONLY | O_CREAT | O_NONBLOCK, 0644),
			 "open or create %zu %s", i, label);
		say(truncate(path, 0), "truncate %zu %s", i, label);
		say(chmod(path, 0777), "chmod %zu %s", i, label);
		say(chown(path, 1, 1), "chown %zu %s", i, label);
		say(utimes(path, NULL), "utimes %zu %s", i, label);
		say(access(path, W_OK), "access %zu %s", i, label);
		say(CALL(setxattr, path, "user.x", "v", 1, 0), "setxattr %zu %s", i,
		    label);
		say(CALL(linkat, AT_FDCWD, path, AT_FDCWD, at_host("fresh"),
			 AT_SYMLINK_FOLLOW),
		    "linkat %zu %s", i, label);
	}
}

int main(int argc, char **argv)
{
	static const char *const subjects[] = {
		"file",	   "dir",	"fifo",	    "",	      "nested/file",
		"chunked", "mode_0755", "bin/show", "socket", "null"};

	probe_start(argc, argv);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		int fd = open(at_root(subjects[i]), O_RDONLY | O_NONBLOCK);
		int path_fd, copy;
		char label[64];

		/* An ordinary user's tree has no device. */
		if (fd < 0 && errno == ENOENT)
			continue;
		path_fd = must_open(at_root(subjects[i]), O_PATH);
		copy = dup(fd);

		by_number(fd, subjects[i]);
		by_newer_number(fd, subjects[i]);
		by_content(fd, subjects[i]);
		by_link(fd, subjects[i]);
		snprintf(label, sizeof(label), "path %s", subjects[i]);
		by_number(path_fd, label);
		by_newer_number(path_fd, label);
		by_link(path_fd, label);
		snprintf(label, sizeof(label), "copy %s", subjects[i]);
		by_number(copy, label);
		close(fd);
		close(copy);
		close(path_fd);
	}
	by_number(900, "closed");
	by_newer_number(900, "closed");
	by_link(900, "closed");
	return 0;
}
