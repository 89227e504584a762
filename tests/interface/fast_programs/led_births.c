/* SPDX-License-Identifier: GPL-2.0-or-later */
/* led_births FILE KIND: makes processes and threads by clone3 at a place of its own, in
 * ways at which what stands between the two could show: registers, stacks, signals,
 * threads, memory that is taken away. Prints what came of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"

enum { REGISTERS = 14, MARKS = 16, STACK = 65536, TURNS = 300, THREADS = 8 };

static const char *file;

/* Registers as they are to be at the call, and as they came out of it here and there:
 * rdi rsi rdx r10 r8 r9 rbx rbp r12 r13 r14 r15, rsp, rax. */
static uint64_t given[REGISTERS], parent_has[REGISTERS], child_has[REGISTERS];
static uint64_t parent_marks[MARKS];
void (*volatile in_child)(void);

#define PUT(n, reg) "mov " #n "*8+given(%rip), %" reg "\n\t"
#define GET(n, reg, where) "mov %" reg ", " #n "*8+" where "(%rip)\n\t"
#define GET_ALL(where)        \
	GET(0, "rdi", where)  \
	GET(1, "rsi", where)  \
	GET(2, "rdx", where)  \
	GET(3, "r10", where)  \
	GET(4, "r8", where)   \
	GET(5, "r9", where)   \
	GET(6, "rbx", where)  \
	GET(7, "rbp", where)  \
	GET(8, "r12", where)  \
	GET(9, "r13", where)  \
	GET(10, "r14", where) \
	GET(11, "r15", where) GET(12, "rsp", where) GET(13, "rax", where)

void make_child(void);
__asm__(".text\n.globl make_child\nmake_child:\n\t"
	"push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
	/* What is below the stack pointer is the program's, too. */
	"lea -128(%rsp), %rdi\n\tmov $16, %ecx\n\tmov $0x5a5a5a5a, %eax\n\t"
	"rep stosq\n\t" PUT(0, "rdi") PUT(1, "rsi") PUT(2, "rdx") PUT(3, "r10") PUT(
		4,
		"r8") PUT(5,
			  "r9") PUT(6,
				    "rbx") PUT(7,
					       "rbp") PUT(8,
							  "r12") PUT(9,
								     "r13") PUT(10,
										"r14")
		PUT(11,
		    "r15") "mov $435, %eax\n\tsyscall\n\t"
			   "test %rax, %rax\n\tjz 1f\n\t" GET_ALL(
				   "parent_has") "lea -128(%rsp), %rsi\n\tlea "
						 "parent_marks(%rip), %rdi\n\tmov $16, "
						 "%ecx\n\trep movsq\n\t"
						 "pop %r15\n\tpop %r14\n\tpop "
						 "%r13\n\tpop %r12\n\tpop %rbp\n\tpop "
						 "%rbx\n\tret\n"
						 "1:\t" GET_ALL(
							 "child_has") "mov "
								      "in_child(%rip), "
								      "%rax\n\tand "
								      "$-16, "
								      "%rsp\n\tcall "
								      "*%rax\n\thlt\n");

static pid_t made(struct clone_args *args, size_t size)
{
	for (size_t i = 2; i < 12; i++)
		given[i] = 0x1111111111111111 * i + 0x8000000080000000;
	given[0] = (uint64_t)args;
	given[1] = size;
	make_child();
	return (pid_t)parent_has[13];
}

static int differ(const uint64_t *has)
{
	int count = 0;

	for (size_t i = 0; i < 12; i++)
		count += has[i] != given[i];
	return count;
}

static int spoilt(const uint64_t *marks)
{
	int count = 0;

	for (size_t i = 0; i < MARKS; i++)
		count += marks[i] != 0x5a5a5a5a;
	return count;
}

/* Status: 0: the child has all registers, and names lead where they do; statfs(2) is
 * nobody's but the tracer's. */
static void look(void)
{
	struct statfs fs;
	struct stat st;

	_exit((differ(child_has) ? 1 : 0) | (stat(file, &st) < 0 ? 2 : 0) |
	      (statfs(file, &fs) < 0 ? 4 : 0));
}

static int status_of(pid_t pid)
{
	int status = -1;

	if (pid > 0)
		waitpid(pid, &status, __WALL);
	return status;
}

static void report(const char *what, pid_t pid, int status)
{
	printf("%s: %s, status %x, registers %d, marks %d\n", what,
	       pid > 0 ? "made" : strerror(-pid), status, differ(parent_has),
	       spoilt(parent_marks));
	fflush(stdout);
}

static void plain(const char *what, uint64_t flags, size_t size)
{
	static char stack[STACK] __attribute__((aligned(4096)));
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	pid_t pid;

	in_child = look;
	if (flags & CLONE_VM) {
		memset(stack, 0x33, sizeof(stack));
		args.stack = (uint64_t)stack;
		args.stack_size = sizeof(stack);
	}
	pid = made(&args, size);
	report(what, pid, status_of(pid));
	if (flags & CLONE_VM)
		printf("its stack %d\n",
		       child_has[12] == (uint64_t)stack + sizeof(stack));
}

static void registers(void)
{
	for (int i = 0; i < 3; i++) {
		plain("fork", 0, sizeof(struct clone_args));
		plain("first size", 0, 64);
		plain("vfork", CLONE_VM | CLONE_VFORK, sizeof(struct clone_args));
		plain("beside", CLONE_VM, sizeof(struct clone_args));
		plain("files", CLONE_FILES | CLONE_FS, sizeof(struct clone_args));
		plain("handlers", CLONE_CLEAR_SIGHAND, sizeof(struct clone_args));
		plain("untraced", CLONE_UNTRACED, sizeof(struct clone_args));
		plain("untraced vfork", CLONE_UNTRACED | CLONE_VM | CLONE_VFORK,
		      sizeof(struct clone_args));
		plain("too small", 0, 63);
		plain("empty", 0, 0);
		plain("too large", 0, 1 << 20);
		plain("no such flag", 1ull << 60, sizeof(struct clone_args));
		plain("thread without memory", CLONE_THREAD, sizeof(struct clone_args));
	}
	for (size_t i = 0; i < 4; i++) {
		pid_t pid =
			made((void *)((uint64_t[]){0, 8, 1ull << 47, ~7ull})[i], 88);

		report("bad pointer", pid, -1);
	}
}

static volatile int alarms;
static void on_alarm(int number)
{
	alarms += number == SIGALRM;
}

/* The call is begun again after a signal. */
static void interrupted(void)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval fast = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct clone_args args = {.exit_signal = SIGCHLD};
	size_t size = 16 << 20;
	char *much = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wrong = 0, turns = 0;
	pid_t pid;

	madvise(much, size, MADV_NOHUGEPAGE);
	memset(much, 1, size);
	in_child = look;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (turns = 0; turns < 20 || (alarms < 50 && turns < 2000); turns++) {
		int status = -1;

		/* As long as it takes; another try would be another call. */
		pid = made(&args, sizeof(args));
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		wrong += pid <= 0 || status || differ(parent_has) ||
			 spoilt(parent_marks);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("interrupted: %d wrong, %s\n", wrong, alarms ? "alarms" : "no alarm");
}

static void *end(void *argument)
{
	return argument;
}

/* Threads and processes by the C library, from threads. */
static void *busy(void *argument)
{
	char *const words[] = {"true", NULL};
	uintptr_t wrong = 0;
	pthread_t thread;
	void *result;
	pid_t pid;

	for (uintptr_t i = 1; i <= TURNS; i++) {
		if (pthread_create(&thread, NULL, end, (void *)i) ||
		    pthread_join(thread, &result) || result != (void *)i)
			wrong++;
		if (i % 8 == 0)
			wrong += posix_spawn(&pid, "/nobody", NULL, NULL, words,
					     words + 1) != ENOENT;
		if (i % 16 == 0) {
			wrong += posix_spawn(&pid, "/bin/true", NULL, NULL, words,
					     words + 1) ||
				 status_of(pid);
			pid = fork();
			if (pid == 0)
				_exit(pthread_create(&thread, NULL, end, NULL) ||
				      pthread_join(thread, &result));
			wrong += status_of(pid) != 0;
		}
	}
	return (void *)((uintptr_t)argument * 0 + wrong);
}

static void threads(void)
{
	pthread_t all[THREADS];
	uintptr_t wrong = 0;
	void *result;

	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&all[i], NULL, busy, NULL);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(all[i], &result);
		wrong += (uintptr_t)result;
	}
	printf("threads: %d wrong\n", (int)wrong);
}

/* A filter that this program has put there is asked as well. */
static void filtered(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	const struct sock_fprog program = {4, code};

	plain("before", 0, sizeof(struct clone_args));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
	plain("refused", 0, sizeof(struct clone_args));
	plain("refused vfork", CLONE_VM | CLONE_VFORK, sizeof(struct clone_args));
}

/* The stub, if it is there: its code, and what is behind that. */
static uint64_t find_stub(void)
{
	unsigned long first = 0, found = 0;
	char line[4096];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "/interpose_run\n") && strstr(line, " r-xp ") &&
		    sscanf(line, "%lx", &first) == 1)
			found = first;
	if (maps)
		fclose(maps);
	return found;
}

static uint64_t stub;
static void take_away(void)
{
	if (stub)
		munmap((void *)stub, 40960);
	look();
}

static void deeper(void)
{
	static char stack[STACK] __attribute__((aligned(4096)));
	struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK,
				  .exit_signal = SIGCHLD,
				  .stack = (uint64_t)stack,
				  .stack_size = sizeof(stack)};

	in_child = look;
	_exit(status_of(made(&args, sizeof(args))) >> 8);
}

/* While its parent waits in the middle of its call. */
static void taken(void)
{
	static char stack[STACK] __attribute__((aligned(4096)));
	struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK,
				  .exit_signal = SIGCHLD,
				  .stack = (uint64_t)stack,
				  .stack_size = sizeof(stack)};
	pid_t pid;

	plain("before", 0, sizeof(args));
	plain("again", 0, sizeof(args));
	in_child = deeper;
	pid = made(&args, sizeof(args));
	report("deeper", pid, status_of(pid));
	stub = find_stub();
	in_child = take_away;
	pid = made(&args, sizeof(args));
	report("taken", pid, status_of(pid));
	plain("after", 0, sizeof(args));
	plain("after", CLONE_VM | CLONE_VFORK, sizeof(args));
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc < 3)
		return 2;
	file = argv[1];
	for (int i = 0; i < 40; i++)
		stat("/etc/passwd", &st);
	switch (argv[2][0]) {
	case 'r':
		registers();
		break;
	case 'i':
		interrupted();
		break;
	case 't':
		threads();
		break;
	case 'f':
		filtered();
		break;
	default:
		taken();
	}
	return 0;
}
