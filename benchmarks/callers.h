/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who calls getppid() again and again, and what came of it: see stops.c. */
#ifndef INTERPOSE_BENCHMARKS_CALLERS_H
#define INTERPOSE_BENCHMARKS_CALLERS_H
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MOST_PROCESSES = 256,
	CHUNK = 16,	  /* calls between two looks at the clock */
	ANSWER = 1 << 30, /* above all process ids */
	LAST = 1,	  /* the argument of the last call of a process */
	NOT_HERE = 3
};

struct shared {
	double start_ns, end_ns[MOST_PROCESSES];
	long calls[MOST_PROCESSES];
};

static struct shared *shared;
static cpu_set_t allowed;
static int processes, living;
static double limit_ns;
static bool answered; /* not by the kernel */

static void fail(const char *what)
{
	fprintf(stderr, "stops: %s: %s\n", what, strerror(errno));
	exit(errno == ENOSYS || errno == EINVAL || errno == ENOTTY ? NOT_HERE : 1);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The CPU that is number `position` of those we may use; the last one if they end. */
static int cpu_at(int position)
{
	int found = -1;

	for (int cpu = 0; cpu < CPU_SETSIZE && position >= 0; cpu++)
		if (CPU_ISSET(cpu, &allowed)) {
			found = cpu;
			position--;
		}
	return found;
}

static void stay_at(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		fail("sched_setaffinity");
}

/* Where it ran last, the 39th value of its stat (proc(5)); -1: it is gone. */
static int cpu_of(pid_t pid)
{
	char name[64], text[1024], *at;
	ssize_t got = -1;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (got <= 0)
		return -1;
	text[got] = 0;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 39; field++)
		at = strchr(at + 1, ' ');
	return at ? atoi(at + 1) : -1;
}

/* ---- who asks ---- */

static void ask(int count)
{
	for (int i = 0; i < count; i++)
		if (syscall(SYS_getppid, 0) != ANSWER && answered)
			_exit(1);
}

/* Its last call says so, by its argument. */
static void caller(int number, const int gate[2], bool pinned)
{
	double now;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pinned)
		stay_at(cpu_at(0));
	close(gate[1]);
	if (read(gate[0], &byte, 1) != 0)
		_exit(1);
	do {
		ask(CHUNK);
		shared->calls[number] += CHUNK;
		now = now_ns();
	} while (now < shared->start_ns + limit_ns);
	shared->end_ns[number] = now;
	syscall(SYS_getppid, LAST);
	_exit(0);
}

static void ended(int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "stops: a caller has ended with status 0x%x\n", status);
		exit(1);
	}
	living--;
}

static double cpu_ns(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e9 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1e3;
}

static void report(const struct rusage *before)
{
	struct rusage used, theirs;
	double end = 0, cpu, all;
	long calls = 0, least = 0;

	getrusage(RUSAGE_SELF, &used);
	getrusage(RUSAGE_CHILDREN, &theirs);
	for (int i = 0; i < processes; i++) {
		calls += shared->calls[i];
		if (shared->end_ns[i] > end)
			end = shared->end_ns[i];
		if (i == 0 || shared->calls[i] < least)
			least = shared->calls[i];
	}
	all = (double)calls;
	cpu = cpu_ns(&used) - cpu_ns(before);
	printf("%.1f %.1f %.1f %.3f %.3f\n", (end - shared->start_ns) / all, cpu / all,
	       (cpu + cpu_ns(&theirs)) / all,
	       (double)(used.ru_nvcsw - before->ru_nvcsw) / all,
	       (double)least * processes / all);
}

#endif
