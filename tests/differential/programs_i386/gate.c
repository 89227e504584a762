/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 64-bit code that makes i386 calls: by `int $0x80`, and from a 32-bit code segment
 * that it jumps into. Pointers have 32 bits there, and all other registers stay. */
/* covers: open openat stat64 access readlink getcwd chdir getdents64 execve clone */
#include "probe.h"

#include <signal.h>
#include <sys/mman.h>

/* Numbers of i386. */
enum {
	NR_OPEN = 5,
	NR_CLOSE = 6,
	NR_EXECVE = 11,
	NR_CHDIR = 12,
	NR_ACCESS = 33,
	NR_READLINK = 85,
	NR_GETCWD = 183,
	NR_STAT64 = 195,
	NR_GETDENTS64 = 220,
	NR_OPENAT = 295,
	NR_MKDIRAT = 296,
	NR_CLONE = 120,
	NR_WAIT4 = 114,
	NR_EXIT = 1
};

struct gate {
	unsigned long number, args[6], result;
	unsigned long after[6]; /* rbx rcx rdx rsi rdi rbp */
	unsigned long kept[4];	/* r12 r13 r14 r15 */
};

void gate_call(struct gate *gate);

__asm__(".globl gate_call\n"
	"gate_call:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"push %rdi\n"
	"mov %rdi, %r8\n"
	"mov $0x103, %r12\n mov $0x104, %r13\n mov $0x105, %r14\n mov $0x106, %r15\n"
	"mov 0(%r8), %rax\n mov 8(%r8), %rbx\n mov 16(%r8), %rcx\n"
	"mov 24(%r8), %rdx\n mov 32(%r8), %rsi\n mov 40(%r8), %rdi\n"
	"mov 48(%r8), %rbp\n"
	"int $0x80\n"
	"mov (%rsp), %r8\n"
	"mov %rax, 56(%r8)\n mov %rbx, 64(%r8)\n mov %rcx, 72(%r8)\n"
	"mov %rdx, 80(%r8)\n mov %rsi, 88(%r8)\n mov %rdi, 96(%r8)\n"
	"mov %rbp, 104(%r8)\n"
	"mov %r12, 112(%r8)\n mov %r13, 120(%r8)\n mov %r14, 128(%r8)\n"
	"mov %r15, 136(%r8)\n"
	"pop %rdi\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"ret\n");

/* The same call from 32-bit code: %rdi names the gate, %rsi the code, which ends in a
 * far jump to label 9 (its address stands in low memory). */
void far_call(struct gate *gate, void *code);

__asm__(".globl far_call\n"
	"far_call:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"mov %rdi, %r14\n mov %rsp, %r15\n"
	"mov %rsi, %r12\n"
	"mov 0(%r14), %rax\n mov 8(%r14), %rbx\n mov 16(%r14), %rcx\n"
	"mov 24(%r14), %rdx\n mov 40(%r14), %rdi\n mov 48(%r14), %rbp\n"
	"mov 32(%r14), %rsi\n"
	"push $0x23\n push %r12\n"
	"lretq\n"
	".globl far_back\n"
	"far_back:\n"
	"mov %r15, %rsp\n"
	"mov %rax, 56(%r14)\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"ret\n");
extern const char far_back[];

static char *low; /* memory below 4 GiB */
static unsigned char *code;
static bool far;

/* int $0x80; ljmp $0x33, $trampoline; the trampoline: movabs $far_back, %rcx; jmp *%rcx
 */
static void make_code(void)
{
	uint64_t back = (uint64_t)(uintptr_t)far_back;
	uint32_t trampoline = (uint32_t)(uintptr_t)code + 64;

	memcpy(code, "\xcd\x80\xea", 3);
	memcpy(code + 3, &trampoline, 4);
	memcpy(code + 7, "\x33\x00", 2);
	memcpy(code + 64, "\x48\xb9", 2);
	memcpy(code + 66, &back, 8);
	memcpy(code + 74, "\xff\xe1", 2);
}

static long call(const char *label, long number, const unsigned long args[6])
{
	struct gate gate = {.number = (unsigned long)number};
	int changed = 0;
	long result;

	memcpy(gate.args, args, sizeof(gate.args));
	if (far) {
		far_call(&gate, code);
	} else {
		gate_call(&gate);
		for (int i = 0; i < 6; i++)
			changed += gate.after[i] != gate.args[i];
		for (int i = 0; i < 4; i++)
			changed += gate.kept[i] != 0x103u + (unsigned int)i;
	}
	result = (int)gate.result;
	printf("%s: %ld, %d registers changed\n", label,
	       result < 0 || number != NR_OPEN ? result : 0, changed);
	return result;
}

#define GATE(label, number, ...) \
	call(label, number, (const unsigned long[6]){__VA_ARGS__})
#define P(pointer) ((unsigned long)(uintptr_t)(pointer))

static char *put(size_t at, const char *text)
{
	return strcpy(low + at, text);
}

static void calls(void)
{
	char *file = put(0, at_root("file")), *none = put(4096, at_root("none"));
	char *dir = put(8192, at_root("dir")), *link = put(12288, at_root("link"));
	char *bin = put(16384, at_root("bin/show_none")), *buffer = low + 20480;
	const unsigned long high = 0xabcdef0100000000ul;
	uint32_t mode;
	long fd;

	for (int turn = 0; turn < 3; turn++) {
		fd = GATE("open", NR_OPEN, P(file), 0, 3, 4, 5, 6);
		GATE("close", NR_CLOSE, (unsigned long)fd);
		/* The kernel looks at the low halves alone. */
		fd = GATE("open high", NR_OPEN, P(file) | high, high, 3, 4, 5, high);
		GATE("close", NR_CLOSE, (unsigned long)fd);
		GATE("open none", NR_OPEN, P(none), 0, 3, 4, 5, 6);
		GATE("open to write", NR_OPEN, P(file), O_RDWR, 3, 4, 5, 6);
		GATE("open high stack", NR_OPEN, P(&mode), 0, 3, 4, 5, 6);
		GATE("stat64", NR_STAT64, P(file), P(buffer), 3, 4, 5, 6);
		memcpy(&mode, buffer + 16, 4);
		printf("mode %o\n", mode);
		GATE("stat64 to NULL", NR_STAT64, P(file), 0, 3, 4, 5, 6);
		GATE("access", NR_ACCESS, P(file), W_OK, 3, 4, 5, 6);
		GATE("readlink", NR_READLINK, P(link), P(buffer), 100, 4, 5, 6);
		say_bytes(buffer, 4, "link");
		GATE("chdir", NR_CHDIR, P(dir), 2, 3, 4, 5, 6);
		GATE("getcwd", NR_GETCWD, P(buffer), 4096, 3, 4, 5, 6);
		printf("cwd %s\n", buffer);
		fd = GATE("open dir", NR_OPEN, P(dir), 0, 3, 4, 5, 6);
		GATE("getdents64", NR_GETDENTS64, (unsigned long)fd, P(buffer), 4096, 4,
		     5, 6);
		GATE("mkdirat", NR_MKDIRAT, (unsigned long)fd, P(put(24576, "fresh")),
		     0755, 4, 5, 6);
		GATE("close", NR_CLOSE, (unsigned long)fd);
		GATE("exec none", NR_EXECVE, P(bin), 0, 0, 4, 5, 6);
		say_open(open(at_root("file"), O_RDONLY), "open of 64 bits");
	}
}

/* argv is an array of 32-bit pointers. */
static void executes(void)
{
	static const char *const programs[] = {"bin/show", "bin/script",
					       "bin/script_argument", "bin/show_i386",
					       "bin/script_i386"};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		uint32_t *argv = (uint32_t *)(void *)(low + 28672);
		char *path = put(0, at_root(programs[i]));
		int status;
		pid_t pid;

		argv[0] = (uint32_t)P(put(4096, "zero"));
		argv[1] = (uint32_t)P(put(4200, "one"));
		argv[2] = 0;
		printf("execve %s\n", programs[i]);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			GATE("failed", NR_EXECVE, P(path), P(argv), 0);
			fflush(stdout);
			_exit(99);
		}
		waitpid(pid, &status, 0);
		printf("status %x\n", (unsigned int)status);
	}
}

/* A child of an i386 clone() is served, too. */
static void children(void)
{
	struct gate gate = {.number = NR_CLONE, .args = {SIGCHLD}};
	int status = -1;

	fflush(stdout);
	gate_call(&gate);
	if (gate.result == 0) {
		GATE("child", NR_ACCESS, P(put(0, at_root("file"))), R_OK);
		fflush(stdout);
		_exit(3);
	}
	say(wait(&status) > 0, "child");
	printf("child %x\n", (unsigned int)status);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	/* The region of 64-bit calls is made first: i386's pointers do not reach it. */
	say_open(open(at_root("file"), O_RDONLY), "first");
	low = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED || code == MAP_FAILED)
		return 2;
	make_code();
	for (int turn = 0; turn < 2; turn++) {
		far = turn;
		printf("%s\n", far ? "32-bit code" : "int $0x80");
		in_child("calls", calls);
		in_child("executes", executes);
	}
	far = false;
	in_child("children", children);
	return 0;
}
