/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that only i386 has, byte by byte, and the C library without large files. */
/* covers: oldstat oldlstat oldfstat stat lstat fstat stat64 lstat64 fstat64 fstatat64
 */
/* covers: statfs fstatfs statfs64 fstatfs64 getdents readdir chown lchown fchown */
/* covers: chown32 lchown32 fchown32 utimensat utimensat_time64 truncate truncate64 */
/* covers: umount fcntl fcntl64 socketcall ioctl setuid32 setgid32 setreuid32 setregid32
 */
/* covers: setresuid32 setresgid32 setfsuid32 setfsgid32 setgroups32 setuid setgid */
/* covers: setreuid setregid setresuid setresgid setfsuid setfsgid setgroups */
#include "probe.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/un.h>

/* Without the words of probe.h, which are of 64 bits. */
#define RAW(name, ...) syscall(__NR_##name, __VA_ARGS__)

static unsigned char bytes[512];

/* Positions of fields in a structure: where, how many bytes. */
struct field {
	const char *name;
	unsigned char at, size;
};

static void say_fields(long result, const struct field *fields, const char *label,
		       const char *name)
{
	if (say(result, "%s %s", label, name) != 0)
		return;
	for (; fields->name; fields++) {
		unsigned long long value = 0;

		memcpy(&value, bytes + fields->at, fields->size);
		printf(" %s %llx", fields->name, value);
	}
	putchar('\n');
	memset(bytes, 0xa5, sizeof(bytes));
}

static const struct field short_fields[] = {
	{"mode", 8, 2},	   {"nlink", 10, 2}, {"uid", 12, 2},   {"gid", 14, 2},
	{"rdev", 16, 4},   {"size", 20, 4},  {"mtime", 40, 4}, {"mtime_ns", 44, 4},
	{"unused", 56, 8}, {"end", 64, 8},   {NULL, 0, 0}};
static const struct field directory_fields[] = {
	{"mode", 8, 2},	     {"uid", 12, 2}, {"gid", 14, 2}, {"mtime", 40, 4},
	{"mtime_ns", 44, 4}, {"end", 64, 8}, {NULL, 0, 0}};
static const struct field long_fields[] = {
	{"hole", 8, 4},	  {"mode", 16, 4}, {"nlink", 20, 4}, {"uid", 24, 4},
	{"gid", 28, 4},	  {"rdev", 32, 8}, {"hole", 40, 4},  {"size", 44, 8},
	{"mtime", 72, 4}, {"ns", 76, 4},   {"end", 96, 8},   {NULL, 0, 0}};
static const struct field long_directory_fields[] = {
	{"hole", 8, 4},	  {"mode", 16, 4}, {"uid", 24, 4}, {"gid", 28, 4},
	{"mtime", 72, 4}, {"ns", 76, 4},   {"end", 96, 8}, {NULL, 0, 0}};
static const struct field fs_fields[] = {
	{"namelen", 36, 4}, {"end", 64, 8}, {NULL, 0, 0}};
static const struct field long_fs_fields[] = {
	{"namelen", 56, 4}, {"end", 84, 8}, {NULL, 0, 0}};

static bool is_directory(const char *path, bool follow)
{
	struct stat st;

	return fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static void stats(void)
{
	for (size_t i = 0; names[i]; i++) {
		const char *path = tail_text(at_root(names[i])),
			   *name = shown(names[i]);
		bool to = is_directory(path, true), at = is_directory(path, false);
		const struct field *low = to ? directory_fields : short_fields;
		const struct field *wide = to ? long_directory_fields : long_fields;
		int fd = open(path, O_PATH);

		memset(bytes, 0xa5, sizeof(bytes));
		say_fields(RAW(stat, path, bytes), low, "stat", name);
		say_fields(RAW(fstat, fd, bytes), low, "fstat", name);
		say_fields(RAW(lstat, path, bytes),
			   at ? directory_fields : short_fields, "lstat", name);
		say_fields(RAW(stat64, path, bytes), wide, "stat64", name);
		say_fields(RAW(fstat64, fd, bytes), wide, "fstat64", name);
		wide = at ? long_directory_fields : long_fields;
		say_fields(RAW(lstat64, path, bytes), wide, "lstat64", name);
		say_fields(RAW(fstatat64, AT_FDCWD, path, bytes, AT_SYMLINK_NOFOLLOW),
			   wide, "fstatat64", name);
		say(RAW(stat, path, tail(63)), "stat short %s", name);
		say(RAW(stat64, path, tail(95)), "stat64 short %s", name);
		/* The number of an inode has 16 bits there: of a file EOVERFLOW. */
		say(RAW(oldstat, path, NULL) < 0, "oldstat %s", name);
		say(RAW(oldlstat, path, NULL) < 0, "oldlstat %s", name);
		say(RAW(oldfstat, fd, NULL) < 0, "oldfstat %s", name);
		say_fields(RAW(statfs, path, bytes), fs_fields, "statfs", name);
		say_fields(RAW(fstatfs, fd, bytes), fs_fields, "fstatfs", name);
		say_fields(RAW(statfs64, path, 84, bytes), long_fs_fields, "statfs64",
			   name);
		say_fields(RAW(fstatfs64, fd, 84, bytes), long_fs_fields, "fstatfs64",
			   name);
		say(RAW(statfs64, path, 88, bytes), "statfs64 larger %s", name);
		if (fd >= 0)
			close(fd);
	}
	say(RAW(oldstat, at_root("none"), bytes), "oldstat of none");
	say(RAW(oldlstat, at_root("file/x"), bytes), "oldlstat below a file");
}

/* Without large files: an inode of more than 32 bits would be EOVERFLOW. */
static void library(void)
{
	struct dirent *entry;
	struct stat st, again;
	DIR *dir = opendir(root);
	int count = 0, equal = 0;

	while ((entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		equal += st.st_ino == entry->d_ino;
		if (lstat(at_root(entry->d_name), &again) < 0 ||
		    again.st_ino != st.st_ino)
			printf("%s has two inodes\n", entry->d_name);
	}
	printf("library: %d entries, all of one inode %d\n", count, count == equal);
	closedir(dir);
}

static void take(int fd, size_t size)
{
	size_t count = 0, sum = 0;
	long got;

	while ((got = RAW(getdents, fd, bytes, size)) > 0) {
		for (long at = 0; at < got;) {
			uint16_t length;

			memcpy(&length, bytes + at + 8, 2);
			count++;
			for (const unsigned char *c = bytes + at + 10; *c; c++)
				sum += *c;
			sum += bytes[at + length - 1];
			at += length;
		}
	}
	say(got, "getdents with %zu: %zu names, sum %zu", size, count, sum);
}

static void listings(void)
{
	static const char *const places[] = {"",      "dir", "empty", "nested",
					     "names", "big", "file"};
	static const size_t sizes[] = {11, 268, 300, 512};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = must_open(at_root(places[i]), O_RDONLY);
		size_t count = 0, sum = 0;
		uint16_t length;
		long got;

		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			lseek(fd, 0, SEEK_SET);
			take(fd, sizes[s]);
		}
		lseek(fd, 0, SEEK_SET);
		memset(bytes, 0, sizeof(bytes));
		while ((got = RAW(readdir, fd, tail(266), 1)) > 0)
			count++;
		lseek(fd, 0, SEEK_SET);
		while (RAW(readdir, fd, bytes, 1) > 0 &&
		       strlen((char *)bytes + 10) < 240) {
			memcpy(&length, bytes + 8, 2);
			sum += length + (length == strlen((char *)bytes + 10));
		}
		say(got, "readdir of %s: %zu names", places[i], count);
		if (strcmp(places[i], "names") != 0)
			printf("  sum %zu\n", sum);
		close(fd);
	}
	say(RAW(readdir, 900, bytes, 1), "readdir of a closed one");
	say(RAW(readdir, must_open(root, O_RDONLY), NULL, 1), "readdir to NULL");
}

static void changes(void)
{
	static const char *const subjects[] = {"file",	 "dir",		"none", "link",
					       "file/x", "nested/file", "fifo"};
	struct {
		int64_t seconds, nanoseconds;
	} good[2] = {{1, 2}, {3, 4}}, bad[2] = {{1, 1000000000}, {3, 4}},
	  high[2] = {{1, 0x100000002}, {3, 4}};
	struct timespec bad_short[2] = {{1, 1000000000}, {3, 4}};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const char *path = at_root(subjects[i]), *name = subjects[i];
		int fd = open(path, O_RDONLY | O_NONBLOCK);
		long flags = 0;

		say(RAW(chown, path, 1, 1), "chown %s", name);
		say(RAW(lchown, path, 1, 1), "lchown %s", name);
		say(RAW(fchown, fd, 1, 1), "fchown %s", name);
		say(RAW(chown32, path, 1, 1), "chown32 %s", name);
		say(RAW(lchown32, path, 1, 1), "lchown32 %s", name);
		say(RAW(fchown32, fd, 1, 1), "fchown32 %s", name);
		say(RAW(utimensat, AT_FDCWD, path, bad_short, 0), "utimensat %s", name);
		say(RAW(utimensat_time64, AT_FDCWD, path, good, 0),
		    "utimensat_time64 %s", name);
		say(RAW(utimensat_time64, AT_FDCWD, path, bad, 0),
		    "utimensat_time64 bad %s", name);
		say(RAW(utimensat_time64, AT_FDCWD, path, high, 0),
		    "utimensat_time64 high %s", name);
		say(RAW(utimensat_time64, fd, NULL, good, 0),
		    "utimensat_time64 of a descriptor %s", name);
		say(RAW(truncate, path, 1), "truncate %s", name);
		say(RAW(truncate, path, -1), "truncate negative %s", name);
		say(RAW(truncate64, path, 1, 0), "truncate64 %s", name);
		say(RAW(truncate64, path, -1, 0), "truncate64 large %s", name);
		say(RAW(truncate64, path, 0, -1), "truncate64 negative %s", name);
		say(ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0, "SETFLAGS %s", name);
		say(RAW(umount, path), "umount %s", name);
		if (fd >= 0)
			close(fd);
	}
}

static void descriptors(void)
{
	int a = must_open(at_root("twin_a"), O_RDONLY), copies[4];
	struct stat st;

	copies[0] = (int)RAW(fcntl, a, F_DUPFD, 50);
	copies[1] = (int)RAW(fcntl64, a, F_DUPFD, 60);
	copies[2] = (int)RAW(fcntl64, a, F_DUPFD_CLOEXEC, 70);
	copies[3] = dup2(a, 80);
	close(must_open(at_root("file"), O_RDONLY));
	for (int i = 0; i < 4; i++) {
		say(copies[i], "copy %d", i);
		say_stat(fstat(copies[i], &st), &st, "of copy %d", i);
	}
}

/* A file of 3 GiB: EOVERFLOW without O_LARGEFILE. */
static void large(const char *path, const char *label)
{
	uint64_t how[3] = {0};

	say_open(RAW(open, path, O_RDONLY), "open %s", label);
	say_open(RAW(open, path, O_RDONLY | 0100000), "open large %s", label);
	say_open(RAW(openat, AT_FDCWD, path, O_RDONLY), "openat %s", label);
	say_open(RAW(openat2, AT_FDCWD, path, how, sizeof(how)), "openat2 %s", label);
	say_open(RAW(creat, path, 0644), "creat %s", label);
}

static long by_socketcall(int call, int fd, const void *address, unsigned int size)
{
	unsigned long *args = tail(3 * sizeof(*args));

	args[0] = (unsigned long)fd;
	args[1] = (unsigned long)address;
	args[2] = size;
	return RAW(socketcall, call, args);
}

static void sockets(void)
{
	static const char *const subjects[] = {"/file",	  "/socket", "/none",
					       "/file/x", "/none/",  "/dangling"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0), pipes[2];

		snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", root,
			 subjects[i]);
		say(by_socketcall(2, fd, &address, sizeof(address)), "bind %s",
		    subjects[i]);
		say(by_socketcall(3, fd, &address, sizeof(address)), "connect %s",
		    subjects[i]);
		say(by_socketcall(3, fd, &address, 200), "connect large %s",
		    subjects[i]);
		if (pipe(pipes) == 0)
			say(by_socketcall(2, pipes[0], &address, sizeof(address)),
			    "bind a pipe %s", subjects[i]);
		close(fd);
	}
	say(RAW(socketcall, 2, NULL), "without arguments");
	say(RAW(socketcall, 99, NULL), "unknown");
}

/* Permission follows who the process is now. */
static void who_asks(void)
{
	static const char *const subjects[] = {"mode_0600", "owned", "mode_0640"};
	gid_t group = 2345;
	uint16_t short_group = 77;

	for (int step = 0; step < 10; step++) {
		switch (step) {
		case 1:
			RAW(setgroups32, 1, &group);
			break;
		case 2:
			RAW(setfsuid32, 1234);
			break;
		case 3:
			RAW(setfsgid32, 2345);
			break;
		case 4:
			RAW(setregid32, 55, 55);
			break;
		case 5:
			RAW(setresgid32, -1, 2345, -1);
			break;
		case 6:
			RAW(setreuid32, -1, 1234);
			break;
		case 7:
			RAW(setresuid32, -1, 0, -1);
			break;
		case 8:
			RAW(setgroups, 1, &short_group);
			RAW(setfsgid, 77);
			RAW(setresgid, -1, 77, -1);
			RAW(setregid, -1, 77);
			RAW(setgid32, 77);
			RAW(setgid, 77);
			break;
		case 9:
			RAW(setfsuid, 77);
			RAW(setresuid, -1, 0, -1);
			RAW(setreuid, -1, 0);
			RAW(setuid32, 77);
			RAW(setuid, 77);
			break;
		default:
			break;
		}
		for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
			const char *path = at_root(subjects[i]);

			say_open(open(path, O_RDONLY), "step %d open %s", step,
				 subjects[i]);
			say(access(path, R_OK), "step %d access %s", step, subjects[i]);
		}
	}
}

static void files(void)
{
	large(at_root("large"), "of the tree");
	large(at_root("file"), "small");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("stats", stats);
	in_child("library", library);
	in_child("listings", listings);
	in_child("changes", changes);
	in_child("descriptors", descriptors);
	in_child("large files", files);
	in_child("sockets", sockets);
	if (geteuid() == 0)
		in_child("who asks", who_asks);
	return 0;
}
