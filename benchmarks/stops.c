/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stops WAY PLACE PROCESSES MILLISECONDS: what a call costs that somebody else answers.
 *
 * PROCESSES call getppid() again and again, and check what they get. WAY (the table
 * below) says who answers and how it waits; PLACE where all run: `free`, `same` (one
 * CPU), `apart` (callers on one CPU, who answers on another one). Prints for each call
 * of all processes: nanoseconds, CPU time of who answers, CPU time of all, how often
 * the first one slept; and what part of the average the least lucky process got. Status
 * 3: this kernel does not have it, and the reason on standard error. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callers.h"

/* Linux 6.6; older headers lack it. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, uint64_t)
#endif

enum {
	COLLECTED = 64, /* as native/tracer/loop.c has it, like the next two */
	LINGER_NS = 60 * 1000,
	LINGER_ROUNDS = 64,
	AWAY_NS = 2000,	 /* two looks follow one another faster if nothing else runs */
	LOOK_EVERY = 64, /* stops between two looks where the tracee runs */
};

enum kind { NATIVE, BLOCKING, LOOP, NOTIFICATION };
/* AT_64: one look in vain makes it rarer, up to one stop in 64. ALONE: up to one in
 * 1,024, and a look is in vain, too, if something else had our CPU meanwhile
 * (tracer/linger.c). ELSEWHERE: while the tracee runs on another CPU. */
enum linger { NEVER, AT_64, ALONE, ELSEWHERE };

struct way {
	const char *name;
	enum kind kind;
	enum linger linger;
	bool info;	  /* PTRACE_GET_SYSCALL_INFO at each stop */
	bool follows;	  /* who answers moves to the CPU of who asks */
	bool looks_twice; /* waitpid until there is nothing, of a single tracee too */
	bool syncs;	  /* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP */
};

static const struct way ways[] = {
	{.name = "native", .kind = NATIVE},
	{.name = "waitpid", .kind = BLOCKING},
	{.name = "waitpid-follow", .kind = BLOCKING, .follows = true},
	/* As native/tracer/loop.c has it, and as it was. */
	{.name = "loop", .kind = LOOP, .linger = ALONE},
	{.name = "loop-former", LOOP, AT_64, .info = true, .looks_twice = true},
	{.name = "loop-info", .kind = LOOP, .linger = ALONE, .info = true},
	{.name = "loop-twice", .kind = LOOP, .linger = ALONE, .looks_twice = true},
	{.name = "loop-64", .kind = LOOP, .linger = AT_64},
	{.name = "loop-elsewhere", .kind = LOOP, .linger = ELSEWHERE},
	{.name = "loop-never", .kind = LOOP, .linger = NEVER},
	{.name = "loop-follow", .kind = LOOP, .linger = NEVER, .follows = true},
	{.name = "notify", .kind = NOTIFICATION},
	{.name = "notify-sync", .kind = NOTIFICATION, .syncs = true},
};

static const int syscall_info = 0x420e; /* PTRACE_GET_SYSCALL_INFO: Linux 5.3 */

static const struct way *way;

/* Everything that we fork has it; we ourselves never make the call. */
static int install(uint32_t action, unsigned int flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = 4, .filter = code};
	long got;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("no_new_privs");
	got = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (got < 0)
		fail("seccomp");
	return (int)got;
}

/* ---- ptrace ---- */

static void answer_stop(pid_t tid, int status)
{
	struct user_regs_struct regs;
	uint32_t info[2];

	if (!WIFSTOPPED(status)) {
		ended(status);
		return;
	}
	if (status >> 16 == PTRACE_EVENT_SECCOMP) {
		if (ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0)
			fail("PTRACE_GETREGS");
		if (way->info && ptrace(syscall_info, tid, sizeof(info), info) < 0)
			fail("PTRACE_GET_SYSCALL_INFO");
		regs.orig_rax = (uint64_t)-1;
		regs.rax = ANSWER;
		if (ptrace(PTRACE_SETREGS, tid, 0, &regs) < 0)
			fail("PTRACE_SETREGS");
	}
	ptrace(PTRACE_CONT, tid, 0, 0);
}

static bool runs_elsewhere; /* at the last look */

static void look_where(pid_t tid)
{
	static unsigned int stops;
	int cpu;

	if ((!way->follows && way->linger != ELSEWHERE) || stops++ % LOOK_EVERY)
		return;
	cpu = cpu_of(tid);
	runs_elsewhere = cpu >= 0 && cpu != sched_getcpu();
	if (way->follows && runs_elsewhere)
		stay_at(cpu);
}

static void by_waitpid(void)
{
	int status;

	while (living > 0) {
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0)
			fail("waitpid");
		look_where(tid);
		answer_stop(tid, status);
	}
}

static unsigned int skip, penalty;
static double looked_ns; /* the last time */
static bool looked;   /* once since the last stop, which may have been there at once */
static bool lingered; /* longer than that */

static void linger_less(void)
{
	if (penalty < (way->linger == ALONE ? 1023 : 63))
		penalty = 2 * penalty + 1;
	skip = penalty;
}

static bool was_away(double now)
{
	static long switches;
	long before = switches;
	struct rusage usage;

	if (way->linger != ALONE || now - looked_ns <= AWAY_NS)
		return false;
	getrusage(RUSAGE_THREAD, &usage);
	switches = usage.ru_nivcsw;
	return switches != before;
}

static bool lingers(double since_ns)
{
	double now;

	if (way->linger == NEVER || CPU_COUNT(&allowed) < 2)
		return false;
	if (way->linger == ELSEWHERE)
		return runs_elsewhere && now_ns() - since_ns < LINGER_NS;
	if (skip) {
		skip--;
		return false;
	}
	now = now_ns();
	if (now - since_ns >= LINGER_NS || was_away(now)) {
		linger_less();
		return false;
	}
	lingered = looked;
	looked = true;
	looked_ns = now;
	return true;
}

/* A stop was there. */
static void found(void)
{
	if (lingered && was_away(now_ns()))
		linger_less();
	else if (lingered)
		penalty = 0;
	looked = lingered = false;
}

/* Of a single one the next stop has a signal of its own: without `looks_twice` nothing
 * looks for it before that came. */
static void drain(void)
{
	pid_t tids[COLLECTED];
	int statuses[COLLECTED], count, rounds = 0;
	double since_ns = 0;
	bool more;

	do {
		const int most = living > 1 ? COLLECTED : 1;

		for (count = 0; count < most; count++) {
			tids[count] = waitpid(-1, &statuses[count], WNOHANG | __WALL);
			if (tids[count] <= 0)
				break;
		}
		if (count)
			found();
		more = count == most && (most > 1 || way->looks_twice);
		for (int i = 0; i < count; i++) {
			look_where(tids[i]);
			answer_stop(tids[i], statuses[i]);
		}
		if (count && way->linger != NEVER)
			looked_ns = since_ns = now_ns();
		rounds += count > 0;
	} while (living > 0 && (count == COLLECTED ||
				(rounds < LINGER_ROUNDS &&
				 (more || (since_ns > 0 && lingers(since_ns))))));
}

static void by_loop(void)
{
	sigset_t all;

	sigfillset(&all);
	while (living > 0) {
		if (sigtimedwait(&all, NULL, NULL) < 0 && errno != EINTR)
			fail("sigtimedwait");
		drain();
	}
}

/* ---- user notification ---- */

static void by_notification(int listener)
{
	struct seccomp_notif_resp answer;
	struct seccomp_notif asked;

	if (way->syncs && ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1ul) < 0)
		fail("SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP");
	while (living > 0) {
		memset(&asked, 0, sizeof(asked));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0) {
			if (errno != EINTR && errno != ENOENT)
				fail("SECCOMP_IOCTL_NOTIF_RECV");
			continue;
		}
		if (asked.data.args[0] == LAST)
			living--;
		answer = (struct seccomp_notif_resp){.id = asked.id, .val = ANSWER};
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
			fail("SECCOMP_IOCTL_NOTIF_SEND");
	}
}

/* ---- all of it ---- */

static void start(const int gate[2], const char *place)
{
	const bool pinned = strcmp(place, "free") != 0;
	const uintptr_t options = PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	sigset_t all;

	for (int i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child == 0)
			caller(i, gate, pinned);
		if ((way->kind == BLOCKING || way->kind == LOOP) &&
		    ptrace(PTRACE_SEIZE, child, 0, options) < 0)
			fail("PTRACE_SEIZE");
		living++;
	}
	if (pinned)
		stay_at(cpu_at(strcmp(place, "apart") == 0 ? 1 : 0));
	sigfillset(&all);
	if (way->kind == LOOP && sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		fail("sigprocmask");
	shared->start_ns = now_ns();
	close(gate[0]);
	close(gate[1]);
}

int main(int argc, char **argv)
{
	int gate[2], listener = -1, status;
	struct rusage before;

	for (size_t i = 0; argc == 5 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			way = &ways[i];
	processes = argc == 5 ? atoi(argv[3]) : 0;
	if (!way || processes < 1 || processes > MOST_PROCESSES)
		return 2;
	answered = way->kind != NATIVE;
	limit_ns = atof(argv[4]) * 1e6;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe2(gate, O_CLOEXEC) < 0 ||
	    sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		fail("start");
	if (way->kind == NOTIFICATION)
		listener = install(SECCOMP_RET_USER_NOTIF,
				   SECCOMP_FILTER_FLAG_NEW_LISTENER);
	else if (way->kind != NATIVE)
		install(SECCOMP_RET_TRACE, 0);
	start(gate, argv[2]);
	getrusage(RUSAGE_SELF, &before);
	if (way->kind == NOTIFICATION)
		by_notification(listener);
	else if (way->kind == BLOCKING)
		by_waitpid();
	else if (way->kind == LOOP)
		by_loop();
	while (waitpid(-1, &status, __WALL) > 0)
		ended(status);
	report(&before);
	return 0;
}
