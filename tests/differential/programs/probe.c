/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe.h"

#include <grp.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/mman.h>

enum { MOST_OPENS = 10000 };

const char *root, *host;

static const struct {
	int number;
	const char *name;
} errors[] = {
#define E(name)             \
	{                   \
		name, #name \
	}
	E(EPERM),    E(ENOENT),	    E(EINTR),	   E(EIO),     E(ENXIO),
	E(E2BIG),    E(ENOEXEC),    E(EBADF),	   E(ECHILD),  E(EAGAIN),
	E(ENOMEM),   E(EACCES),	    E(EFAULT),	   E(ENOTBLK), E(EBUSY),
	E(EEXIST),   E(EXDEV),	    E(ENODEV),	   E(ENOTDIR), E(EISDIR),
	E(EINVAL),   E(ENFILE),	    E(EMFILE),	   E(ENOTTY),  E(ETXTBSY),
	E(EFBIG),    E(ENOSPC),	    E(ESPIPE),	   E(EROFS),   E(EMLINK),
	E(EPIPE),    E(EDOM),	    E(ERANGE),	   E(EDEADLK), E(ENAMETOOLONG),
	E(ENOSYS),   E(ENOTEMPTY),  E(ELOOP),	   E(ENODATA), E(EOVERFLOW),
	E(ELIBBAD),  E(EOPNOTSUPP), E(EADDRINUSE), E(ESTALE),  E(ECONNREFUSED),
	E(ENOTSOCK), E(EPROTOTYPE),
};

static const char *error_name(int number)
{
	static char text[32];

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].number == number)
			return errors[i].name;
	}
	snprintf(text, sizeof(text), "errno %d", number);
	return text;
}

void probe_start(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: PROGRAM ROOT HOST\n");
		exit(2);
	}
	root = argv[1];
	host = argv[2];
	umask(022);
	if (argc > 3)
		become((unsigned int)atoi(argv[3]));
	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
}

void *tail(size_t size)
{
	size_t room = (size + 4095) & ~(size_t)4095;
	char *pages = mmap(NULL, room + 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + room, 4096, PROT_NONE) < 0) {
		perror("tail");
		exit(2);
	}
	return pages + room - size;
}

char *tail_text(const char *text)
{
	return memcpy(tail(strlen(text) + 1), text, strlen(text) + 1);
}

static void label(const char *format, va_list args)
{
	vprintf(format, args);
	printf(": ");
}

static void result_text(long result, const char *good)
{
	int error = errno;

	if (result == -1)
		printf("%s\n", error_name(error));
	else if (good)
		printf("%s\n", good);
	else
		printf("%ld\n", result);
}

#define LABEL(format)                   \
	do {                            \
		va_list args;           \
		int error_ = errno;     \
		va_start(args, format); \
		label(format, args);    \
		va_end(args);           \
		errno = error_;         \
	} while (0)

long say(long result, const char *format, ...)
{
	LABEL(format);
	result_text(result, NULL);
	return result;
}

void say_open(long fd, const char *format, ...)
{
	LABEL(format);
	result_text(fd, "fd");
	if (fd >= 0)
		close((int)fd);
}

void say_bytes(const void *bytes, size_t size, const char *format, ...)
{
	const unsigned char *at = bytes;

	LABEL(format);
	for (size_t i = 0; i < size; i++) {
		if (at[i] >= ' ' && at[i] < 127 && at[i] != '\\')
			putchar(at[i]);
		else
			printf("\\x%02x", at[i]);
	}
	putchar('\n');
}

void say_stat(long result, const struct stat *st, const char *format, ...)
{
	LABEL(format);
	if (result < 0) {
		result_text(result, NULL);
		return;
	}
	printf("mode %o uid %u gid %u mtime %ld", st->st_mode, st->st_uid, st->st_gid,
	       (long)st->st_mtim.tv_sec);
	if (!S_ISDIR(st->st_mode))
		printf(" size %ld nlink %lu", (long)st->st_size,
		       (unsigned long)st->st_nlink);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(" rdev %lx", (unsigned long)st->st_rdev);
	putchar('\n');
}

const char *shown(const char *path)
{
	static char texts[4][160];
	static int turn;
	char *text = texts[turn = (turn + 1) % 4];
	size_t at = 0;

	for (; *path && at < 100; path++) {
		if (*path > ' ' && *path < 127 && *path != '\\')
			text[at++] = *path;
		else
			at += (size_t)sprintf(text + at, "\\x%02x",
					      (unsigned char)*path);
	}
	text[at] = '\0';
	if (*path)
		sprintf(text + at, "...%zu", strlen(path));
	return text;
}

static const char *join(const char *place, const char *name)
{
	static char texts[8][8200];
	static int turn;
	char *text = texts[turn = (turn + 1) % 8];

	snprintf(text, sizeof(texts[0]), "%s%s%s", place,
		 name[0] && name[0] != '/' ? "/" : "", name);
	return text;
}

const char *at_root(const char *name)
{
	return join(root, name);
}

const char *at_host(const char *name)
{
	return join(host, name);
}

int must_open(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0) {
		printf("cannot open %s: %s\n", shown(path), error_name(errno));
		exit(2);
	}
	return fd;
}

long open_again(int dir, const char *path, const struct open_how *how)
{
	long fd = -1;

	for (int i = 0; i < MOST_OPENS; i++) {
		fd = CALL(openat2, dir, path, how, sizeof(*how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

void must_chdir(const char *path)
{
	if (chdir(path) < 0) {
		printf("cannot chdir to %s: %s\n", shown(path), error_name(errno));
		exit(2);
	}
}

void in_child(const char *name, void (*part)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		part();
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		printf("%s: ended with %x\n", name, (unsigned int)status);
}

void become(unsigned int uid)
{
	if (geteuid() == uid)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0) {
		printf("cannot become %u: %s\n", uid, error_name(errno));
		exit(2);
	}
}
