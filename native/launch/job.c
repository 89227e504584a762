/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "tracee/kernel.h"
#include "tracer/filter.h"
#include "tracer/tracer.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

enum { ENOUGH_FDS = 1024 };

static int heritage_note_fds(struct heritage *heritage)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		int fd = atoi(entry->d_name);
		int *grown;

		if (fd < 3 || fd == dirfd(directory))
			continue;
		grown = realloc(heritage->fds,
				(heritage->fd_count + 1) * sizeof(*grown));
		if (!grown) {
			closedir(directory);
			return -ENOMEM;
		}
		heritage->fds = grown;
		heritage->fds[heritage->fd_count++] = fd;
	}
	closedir(directory);
	return 0;
}

/* What a job is not to do may be what we need to do for it: a cache wants files to be
 * written, also where the job may write none. */
static const int raised[] = {RLIMIT_AS,	    RLIMIT_CPU,	  RLIMIT_DATA, RLIMIT_FSIZE,
			     RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_STACK};

static void heritage_raise_limits(struct heritage *heritage)
{
	for (size_t i = 0; i < sizeof(raised) / sizeof(raised[0]); i++) {
		struct rlimit *limit = &heritage->limits[raised[i]], more;

		if (getrlimit(raised[i], limit) < 0)
			continue;
		more = (struct rlimit){limit->rlim_max, limit->rlim_max};
		setrlimit(raised[i], &more);
		/* As root; a number of descriptors has an end of its own. */
		more = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
		if (raised[i] != RLIMIT_NOFILE)
			setrlimit(raised[i], &more);
		else if (limit->rlim_max < ENOUGH_FDS)
			setrlimit(raised[i], &(struct rlimit){ENOUGH_FDS, ENOUGH_FDS});
	}
}

int heritage_take(struct heritage *ret_heritage)
{
	int fd, error;

	heritage_raise_limits(ret_heritage);
	/* Our own descriptors must not become 0, 1 or 2: lines are written there. */
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
	error = heritage_note_fds(ret_heritage);
	if (error < 0)
		return error;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, NULL, &ret_heritage->actions[i]);
	syscall(__NR_rt_sigprocmask, SIG_BLOCK, NULL, &ret_heritage->mask,
		sizeof(ret_heritage->mask));
	tracer_block_signals();
	return 0;
}

void heritage_drop(const struct heritage *heritage)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < heritage->fd_count; i++)
		close(heritage->fds[i]);
	if (null >= 0) {
		dup3(null, STDIN_FILENO, 0);
		dup3(null, STDOUT_FILENO, 0);
		close(null);
	}
}

static void heritage_restore(const struct heritage *heritage)
{
	for (size_t i = 0; i < sizeof(raised) / sizeof(raised[0]); i++)
		setrlimit(raised[i], &heritage->limits[raised[i]]);
	/* SIGKILL, SIGSTOP and the C library's own refuse, as they should. */
	for (int i = 1; i < NSIG; i++)
		if (heritage->actions[i].sa_handler == SIG_IGN)
			sigaction(i, &heritage->actions[i], NULL);
		else
			signal(i, SIG_DFL);
	syscall(__NR_rt_sigprocmask, SIG_SETMASK, &heritage->mask, NULL,
		sizeof(heritage->mask));
}

int job_exec(const struct heritage *heritage, char **command)
{
	heritage_restore(heritage);
	execvp(command[0], command);
	return -errno;
}

/* Missing for certain, and known without waiting; by the stub's rule
 * (docs/fast-path.md: what the kernel did not find). */
static bool is_missing(const char *path)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
				     .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_CACHED};
	int fd;

	if (!kernel_has(KERNEL_RESOLVE_CACHED) || path[0] != '/' ||
	    strstr(path, "..") || strstr(path, "cvmfs"))
		return false;
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0)
		return errno == ENOENT;
	close(fd);
	return false;
}

/* PATH without the directories that do not have the command: each of them would be a
 * stop, and most commands lie in one of the last. NULL: as it is. For free(). */
static char *searched_path(const char *command)
{
	const char *from = getenv("PATH");
	char name[PATH_MAX], *path, *to;
	size_t len, more;

	if (!from || strchr(command, '/'))
		return NULL;
	path = to = malloc(strlen(from) + 2);
	if (!path)
		return NULL;
	/* An empty one is the working directory, at the end as well. */
	do {
		len = strcspn(from, ":");
		more = from[len] == ':';
		snprintf(name, sizeof(name), "%.*s/%s", (int)len, from, command);
		if (!len || len + strlen(command) + 2 > sizeof(name) ||
		    !is_missing(name)) {
			memcpy(to, from, len);
			to += len;
			*to++ = ':';
		}
		from += len + more;
	} while (more);
	*to = '\0';
	return path;
}

/* `path`: of searched_path(). An errno. */
static int exec_along(char **command, char *path)
{
	size_t count = 0;
	char **given;

	while (path && environ[count])
		count++;
	given = path ? malloc((count + 1) * sizeof(*given)) : NULL;
	if (!given) {
		execvp(command[0], command);
		return errno;
	}
	/* The program's own is the caller's. */
	memcpy(given, environ, (count + 1) * sizeof(*given));
	if (!*path)
		return ENOENT;
	path[strlen(path) - 1] = '\0';
	if (setenv("PATH", path, 1) < 0)
		return errno;
	execvpe(command[0], command, given);
	return errno;
}

static _Noreturn void job_main(const struct job *job, int gate_fd)
{
	struct job_failure failure = {.stage = JOB_FILTER};
	ssize_t got;
	char *path;
	char go;

	close(job->front_fd);
	heritage_restore(job->heritage);
	/* While the tracer prepares itself: until the gate no call is made that stops.
	 */
	path = job->names_are_plain ? searched_path(job->command[0]) : NULL;
	failure.error = -filter_install(job->filter);
	do
		got = read(gate_fd, &go, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(125); /* the tracer is gone: it or front has said why */
	close(gate_fd);
	if (failure.error == 0) {
		failure.stage = JOB_EXEC;
		failure.error = exec_along(job->command, path);
	}
	if (write(job->failure_fd, &failure, sizeof(failure)) < 0)
		_exit(125);
	_exit(127);
}

pid_t job_fork(const struct job *job, int *ret_gate_fd)
{
	int gate[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		job_main(job, gate[0]);
	}
	close(gate[0]);
	if (pid < 0) {
		int error = -errno;

		close(gate[1]);
		return error;
	}
	*ret_gate_fd = gate[1];
	return pid;
}
