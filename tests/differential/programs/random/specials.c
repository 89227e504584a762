/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that are more than one call. */
#include "steps.h"

#include <poll.h>
#include <sys/wait.h>

enum {
	MOST_ENTRIES = 4000,
	LIST_BYTES = 65536,
	LOOKED_AT = 24,
	OUTPUT = 4096,
	MOST_OPENS = 10000
};

struct entry {
	uint64_t ino;
	int64_t next;
	unsigned short length;
	unsigned char type;
	char name[];
};

struct listing {
	uint64_t sum; /* of names and types, whatever their order */
	long count;
	long wrong;	/* entries whose number is not that of their file */
	int64_t middle; /* where to go on after half of them */
};

static void take(struct listing *listing, int fd, const struct entry *entry)
{
	struct stat st;
	uint64_t sum = digest(entry->name, strlen(entry->name), entry->type);

	listing->sum += sum * sum | 1;
	listing->count++;
	if (listing->count > LOOKED_AT || strcmp(entry->name, "..") == 0)
		return;
	if (fstatat(fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (st.st_ino != entry->ino || (st.st_mode >> 12) != entry->type))
		listing->wrong++;
}

/* Up to `most` entries from where the descriptor stands. */
static long gather(struct listing *listing, int fd, size_t size, long most)
{
	static __thread char bytes[LIST_BYTES];
	const long values[ARGUMENTS] = {fd, (long)bytes, (long)size};
	long got;

	while ((got = site_call(SYS_getdents64, values)) > 0) {
		for (long at = 0; at < got;) {
			const struct entry *entry = (const void *)(bytes + at);

			take(listing, fd, entry);
			listing->middle = entry->next;
			if (listing->count >= most)
				return 0;
			at += entry->length;
		}
	}
	return got;
}

/* It would wait for whoever reads from a FIFO: then it is left out. */
long carry_creat(struct step *step)
{
	struct stat st;

	if (stat((const char *)step->values[0], &st) == 0 && S_ISFIFO(st.st_mode)) {
		errno = EAGAIN;
		return -1;
	}
	return syscall(SYS_creat, step->values[0], step->values[1]);
}

/* ".." below a directory that is not to be left is EAGAIN while anything on the machine
 * is renamed or mounted (handle_dots() of fs/namei.c): then once more. */
long carry_openat2(struct step *step)
{
	long fd = -1;

	for (int i = 0; i < MOST_OPENS; i++) {
		fd = syscall(SYS_openat2, step->values[0], step->values[1],
			     step->values[2], step->values[3]);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

/* list FD SIZE: all of a directory twice: at once, and in two parts with a seek. */
long carry_list(struct step *step)
{
	struct listing whole = {0}, first = {0}, second = {0};
	int fd = (int)step->values[0];
	size_t size = (size_t)step->values[1];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0 || gather(&whole, fd, size, MOST_ENTRIES) < 0)
		return -1;
	if (st.st_dev != tree_dev && st.st_dev != top_dev)
		return 0;
	if (lseek(fd, 0, SEEK_SET) < 0 || gather(&first, fd, size, whole.count / 2) < 0)
		return -1;
	if (whole.count > 1 && lseek(fd, first.middle, SEEK_SET) < 0)
		return -1;
	if (whole.count > 1 && gather(&second, fd, size, MOST_ENTRIES) < 0)
		return -1;
	note(step, " sum %016llx wrong %ld parts %s", (unsigned long long)whole.sum,
	     whole.wrong,
	     first.sum + second.sum == whole.sum || whole.count < 2 ? "whole" : "torn");
	return whole.count;
}

/* seek FD OFFSET WHENCE: of a file; positions in a directory are the kernel's own. */
long carry_seek(struct step *step)
{
	struct stat st;

	if (fstat((int)step->values[0], &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return lseek((int)step->values[0], step->values[1], (int)step->values[2]);
}

static void output_of(struct step *step, int fd)
{
	char text[OUTPUT];
	size_t length = 0;
	ssize_t got;

	while (length < sizeof(text) &&
	       (got = read(fd, text + length, sizeof(text) - length)) > 0)
		length += (size_t)got;
	note_bytes(step, text, length);
}

/* Runs `part` in a child whose output and end are noted. */
static long in_child(struct step *step, void (*part)(struct step *step))
{
	int ends[2], status = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		part(step);
		_exit(0);
	}
	close(ends[1]);
	if (pid > 0) {
		output_of(step, ends[0]);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	return pid < 0 ? -1 : status;
}

static void execute(struct step *step)
{
	char *words[] = {(char *)"zero", (char *)"one", NULL};
	char *none[] = {NULL};

	syscall(SYS_execveat, (int)step->values[0], step->values[1], words, none,
		(int)step->values[2]);
	dprintf(1, "E%d", errno);
}

/* execute DIRFD PATH FLAGS */
long carry_execute(struct step *step)
{
	return in_child(step, execute);
}

static void inherited(struct step *step)
{
	const char *path = (const char *)step->values[1];
	char cwd[4096] = "";
	struct stat st;
	int fd = (int)step->values[0];
	long got;

	got = fstat(fd, &st);
	dprintf(1, "%ld %d %o ", got, got < 0 ? errno : 0, got < 0 ? 0 : st.st_mode);
	got = fstatat(fd, path, &st, 0);
	dprintf(1, "%ld %d %o ", got, got < 0 ? errno : 0, got < 0 ? 0 : st.st_mode);
	got = syscall(SYS_getcwd, cwd, sizeof(cwd));
	dprintf(1, "%s ", got < 0 ? "-" : cwd);
	got = chroot(path);
	dprintf(1, "%s",
		got == 0 || errno == ENOENT || errno == EPERM ? "-" : strerror(errno));
}

/* child DIRFD PATH: what a child sees of an inherited descriptor and directory. */
long carry_child(struct step *step)
{
	return in_child(step, inherited);
}
