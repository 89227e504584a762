/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program may do to itself and to its siblings in more than one call. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "fuzz.h"

enum { REGION = 32 * 8192, STACK = 16384 };

struct mapping {
	uintptr_t first, end;
};

/* One of our mappings; mostly the one that the tracer made, if there is one. */
static bool choose_mapping(struct chance *chance, struct mapping *ret_mapping)
{
	char line[4400];
	struct mapping one;
	unsigned int seen = 0;
	FILE *file = fopen("/proc/self/maps", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx", &one.first, &one.end) != 2)
			continue;
		seen++;
		if (one.end - one.first == REGION && !chance_one_in(chance, 8)) {
			*ret_mapping = one;
			break;
		}
		/* Whoever loses its text or stack has ended: rarely. */
		if (chance_one_in(chance, 200))
			*ret_mapping = one;
	}
	if (file)
		fclose(file);
	return seen && ret_mapping->end;
}

static void harm_memory(struct chance *chance)
{
	struct mapping mapping = {0};
	void *at;
	size_t size;

	if (!choose_mapping(chance, &mapping))
		return;
	at = (void *)mapping.first;
	size = mapping.end - mapping.first;
	switch (chance_below(chance, 6)) {
	case 0:
		munmap(at, size);
		break;
	case 1:
		mprotect(at, size, PROT_NONE);
		break;
	case 2:
		mprotect(at, size, PROT_READ);
		break;
	case 3:
		(void)mremap(at, size, size / 2 + 4096, MREMAP_MAYMOVE);
		break;
	case 4:
		madvise(at, size, (int)chance_below(chance, 26));
		break;
	default: /* a file with nothing in it: SIGBUS for who looks */
		(void)mmap(at, size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_SHARED,
			   open("/dev/zero", O_RDWR), 0);
	}
}

static void harm_descriptors(struct chance *chance)
{
	if (chance_one_in(chance, 3)) {
		syscall(436 /* close_range */, chance_below(chance, 8), ~0u,
			chance_below(chance, 8));
		return;
	}
	for (int i = 0; i < 16; i++)
		dup2((int)chance_below(chance, 40), (int)chance_below(chance, 200));
}

static void storm(struct chance *chance)
{
	struct itimerval often = {{0, 300}, {0, 300}};

	if (chance_one_in(chance, 4)) {
		setitimer((int)chance_below(chance, 3), &often, NULL);
		return;
	}
	for (int i = 0; i < 30; i++) {
		pid_t pid = pools_pid(chance);

		if (pid > 1)
			kill(pid, pools_signal(chance));
	}
}

static int child(void *argument)
{
	struct chance chance = {(uint64_t)argument};
	struct call call;

	for (int i = 0; i < 3; i++) {
		numbers_draw(&chance, &call);
		syscall(call.number, call.args[0], call.args[1], call.args[2],
			call.args[3], call.args[4], call.args[5]);
	}
	syscall(SYS_exit, 0);
	return 0;
}

/* Memory, descriptors, handlers and more shared in all ways that the kernel allows. */
static void strange_child(struct chance *chance)
{
	static const unsigned long flags[] = {
		CLONE_VM,     CLONE_FILES,   CLONE_FS,	   CLONE_SIGHAND,
		CLONE_THREAD, CLONE_VFORK,   CLONE_PARENT, CLONE_UNTRACED,
		CLONE_PTRACE, CLONE_NEWUSER, CLONE_NEWPID, CLONE_SYSVSEM};
	struct clone_args args = {.exit_signal = chance_below(chance, 66)};
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		return;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (chance_one_in(chance, 3))
			args.flags |= flags[i];
	if (args.flags & CLONE_THREAD || chance_one_in(chance, 2)) {
		clone(child, stack + STACK, (int)(args.flags | args.exit_signal),
		      (void *)chance_bits(chance));
		return;
	}
	args.flags &= ~(uint64_t)CLONE_VM; /* it goes on here, with this stack */
	if (syscall(435 /* clone3 */, &args, sizeof(args)) == 0)
		child((void *)chance_bits(chance));
}

static void vfork_and_exec(struct chance *chance)
{
	const char *path = pools_path(chance);
	char *argv[] = {"a", "b", NULL};

	if (vfork() == 0) {
		execve(path, argv, NULL);
		_exit(3);
	}
}

static void harm_sibling(struct chance *chance)
{
	pid_t pid = pools_pid(chance);
	char path[64];
	int fd;

	if (chance_one_in(chance, 2)) {
		for (int i = 0; i < 4; i++)
			ptrace((int)chance_below(chance, 20), pid, pools_buffer(chance),
			       pools_buffer(chance));
		ptrace(PTRACE_SEIZE, pid, 0, 0x100000);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 8 && fd >= 0; i++)
		if (pwrite(fd, path, 64, (off_t)(uintptr_t)pools_buffer(chance)) < 0)
			break;
	close(fd);
}

static void limit(struct chance *chance)
{
	static const int which[] = {RLIMIT_AS,	  RLIMIT_NOFILE,    RLIMIT_FSIZE,
				    RLIMIT_NPROC, RLIMIT_STACK,	    RLIMIT_DATA,
				    RLIMIT_CPU,	  RLIMIT_SIGPENDING};
	struct rlimit value;
	int one = which[chance_below(chance, sizeof(which) / sizeof(which[0]))];

	getrlimit(one, &value);
	value.rlim_cur = chance_one_in(chance, 2) ? 0 : chance_below(chance, 100);
	setrlimit(one, &value);
}

static void filter(struct chance *chance)
{
	static const unsigned int actions[] = {SECCOMP_RET_ERRNO | ENOSYS,
					       SECCOMP_RET_ERRNO | 4095,
					       SECCOMP_RET_TRAP,
					       SECCOMP_RET_TRACE | 7,
					       SECCOMP_RET_LOG,
					       SECCOMP_RET_KILL_THREAD,
					       SECCOMP_RET_KILL_PROCESS,
					       SECCOMP_RET_USER_NOTIF};
	unsigned int action =
		actions[chance_below(chance, sizeof(actions) / sizeof(actions[0]))];
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 (unsigned int)chance_below(chance, 340), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {4, code};

	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, chance_below(chance, 8),
		&program);
}

static void name_and_hide(struct chance *chance)
{
	prctl(PR_SET_NAME, chance_one_in(chance, 2) ? ") R 1 1 1 (" : "\n\xff\x01", 0,
	      0, 0);
	prctl(PR_SET_DUMPABLE, chance_below(chance, 3), 0, 0, 0);
	prctl(0x49504f53, chance_below(chance, 10), 0, 0,
	      0); /* what an inner run asks */
}

static void small_signal_stack(struct chance *chance)
{
	stack_t stack = {.ss_sp = pools_buffer(chance),
			 .ss_size = chance_below(chance, 10000)};

	sigaltstack(&stack, NULL);
}

#ifdef __x86_64__
/* The i386 way in: other numbers, half of each register. */
static void call_as_i386(struct chance *chance)
{
	static const int numbers[] = {5,   8,	9,   10,  11,  12,  15,	 33,  38,
				      39,  40,	83,  85,  92,  99,  106, 107, 141,
				      183, 195, 196, 220, 268, 295, 296, 300, 305,
				      306, 307, 358, 383, 437, 439, 452};
	long number =
		numbers[chance_below(chance, sizeof(numbers) / sizeof(numbers[0]))];
	long result = number;

	__asm__ volatile(
		"int $0x80"
		: "+a"(result)
		: "b"(pools_argument(chance, 'p')),
		  "c"(pools_argument(chance, chance_one_in(chance, 2) ? 'p' : 'b')),
		  "d"(pools_argument(chance, 'b')), "S"(pools_argument(chance, 's')),
		  "D"(pools_argument(chance, 'g'))
		: "memory", "r8", "r9", "r10", "r11");
}
#else
static void call_as_i386(struct chance *chance)
{
	(void)chance;
}
#endif

static const struct {
	const char *name;
	void (*act)(struct chance *chance);
	unsigned int weight;
} deeds[] = {{"memory", harm_memory, 8},   {"descriptors", harm_descriptors, 4},
	     {"storm", storm, 4},	   {"child", strange_child, 4},
	     {"vfork", vfork_and_exec, 6}, {"sibling", harm_sibling, 2},
	     {"limit", limit, 1},	   {"filter", filter, 1},
	     {"name", name_and_hide, 4},   {"stack", small_signal_stack, 2},
	     {"i386", call_as_i386, 6}};

void deeds_do(struct chance *chance)
{
	const unsigned long stride = 17; /* no divisor of the sum: all get their turn */
	unsigned long sum = 0, choice;

	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		sum += deeds[i].weight;
	choice = board->deeds++ * stride % sum;
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (choice < deeds[i].weight) {
			board->done[i]++;
			deeds[i].act(chance);
			return;
		}
		choice -= deeds[i].weight;
	}
}

const char *deeds_name(unsigned int index)
{
	return index < sizeof(deeds) / sizeof(deeds[0]) ? deeds[index].name : NULL;
}
