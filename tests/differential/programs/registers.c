/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call changes rax, rcx and r11, and nothing else: no register, no byte below the
 * stack pointer; it needs no stack either. */
/* covers: openat newfstatat readlinkat getdents64 getcwd chdir mkdirat utimensat */
/* covers: execve clone open */
#include "probe.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#ifdef __x86_64__

struct bare {
	long number, args[6];
	long result, after[6]; /* rdi rsi rdx r10 r8 r9 */
	long kept[6];	       /* rbx rbp r12 r13 r14 r15 */
	long below;	       /* words of the red zone that changed */
};

void bare_call(struct bare *bare);

__asm__(".globl bare_call\n"
	"bare_call:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"push %rdi\n"
	"mov %rdi, %r11\n"
	"mov $0x101, %rbx\n mov $0x102, %rbp\n mov $0x103, %r12\n"
	"mov $0x104, %r13\n mov $0x105, %r14\n mov $0x106, %r15\n"
	".set at, 1\n"
	".rept 16\n"
	"movq $0x7000 + at, -8 * at(%rsp)\n"
	".set at, at + 1\n"
	".endr\n"
	"mov 0(%r11), %rax\n mov 8(%r11), %rdi\n mov 16(%r11), %rsi\n"
	"mov 24(%r11), %rdx\n mov 32(%r11), %r10\n mov 40(%r11), %r8\n"
	"mov 48(%r11), %r9\n"
	"syscall\n"
	"mov (%rsp), %rcx\n"
	"mov %rax, 56(%rcx)\n mov %rdi, 64(%rcx)\n mov %rsi, 72(%rcx)\n"
	"mov %rdx, 80(%rcx)\n mov %r10, 88(%rcx)\n mov %r8, 96(%rcx)\n"
	"mov %r9, 104(%rcx)\n"
	"mov %rbx, 112(%rcx)\n mov %rbp, 120(%rcx)\n mov %r12, 128(%rcx)\n"
	"mov %r13, 136(%rcx)\n mov %r14, 144(%rcx)\n mov %r15, 152(%rcx)\n"
	"xor %eax, %eax\n"
	".set at, 1\n"
	".rept 16\n"
	"cmpq $0x7000 + at, -8 * at(%rsp)\n"
	"je 1f\n inc %rax\n 1:\n"
	".set at, at + 1\n"
	".endr\n"
	"mov %rax, 160(%rcx)\n"
	"pop %rdi\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"ret\n");

static long bare(const char *label, long number, const long args[6])
{
	struct bare call = {.number = number};
	int changed = 0;

	memcpy(call.args, args, sizeof(call.args));
	bare_call(&call);
	for (int i = 0; i < 6; i++) {
		changed += call.after[i] != call.args[i];
		changed += call.kept[i] != 0x101 + i;
	}
	printf("%s: %s, %d registers changed, %ld words below the stack\n", label,
	       call.result < 0 ? "error" : "done", changed, call.below);
	if (call.result < 0)
		printf("  %ld\n", call.result);
	return call.result;
}

#define BARE(label, name, ...) bare(label, SYS_##name, (const long[6]){__VA_ARGS__})
#define P(pointer) ((long)(uintptr_t)(pointer))

static void every_verdict(void)
{
	static struct stat st;
	static char buffer[4096];
	static const struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	static char *words[] = {"x", NULL};
	static const long how[3];
	long file = P(at_root("file")), none = P(at_root("none")), dir;

	for (int turn = 0; turn < 3; turn++) {
		dir = BARE("open", openat, AT_FDCWD, P(root), O_RDONLY, 4, 5, 6);
		BARE("stat", newfstatat, AT_FDCWD, file, P(&st), 0, 55, 66);
		BARE("stat none", newfstatat, AT_FDCWD, none, P(&st), 0, 55, 66);
		BARE("fstat", fstat, dir, P(&st), 33, 44, 55, 66);
		BARE("open file", openat, dir, P("file"), O_RDONLY, 44, 55, 66);
		BARE("open none", openat, dir, P("none"), O_RDONLY, 44, 55, 66);
		BARE("open to write", openat, dir, P("file"), O_RDWR, 44, 55, 66);
		BARE("readlink", readlinkat, dir, P("link"), P(buffer), 100, 55, 66);
		BARE("getdents64", getdents64, dir, P(buffer), 4096, 44, 55, 66);
		BARE("chdir", chdir, P(at_root("dir")), 22, 33, 44, 55, 66);
		BARE("getcwd", getcwd, P(buffer), 4096, 33, 44, 55, 66);
		BARE("mkdir", mkdirat, dir, P("fresh"), 0755, 44, 55, 66);
		BARE("omit", utimensat, dir, P("file"), P(omit), 0, 55, 66);
		BARE("bad flag", utimensat, dir, P("file"), P(omit), 1, 55, 66);
		BARE("exec", execve, P(at_root("bin/none")), P(words), 0, 44, 55, 66);
		BARE("exec text", execve, P(at_root("file")), P(words), 0, 44, 55, 66);
		BARE("rename", rename, file, P(at_host("none/x")), 33, 44, 55, 66);
		BARE("fchmod", fchmod, dir, 0700, 33, 44, 55, 66);
		BARE("dup", dup, dir, 22, 33, 44, 55, 66);
		BARE("host", openat, AT_FDCWD, P(host), O_RDONLY, 44, 55, 66);
		BARE("host link", openat, AT_FDCWD, P(at_host("in_file")), 0, 44, 55,
		     66);
		BARE("bad pointer", openat, AT_FDCWD, 8, 0, 44, 55, 66);
		BARE("openat2", openat2, AT_FDCWD, file, P(how), 24, 55, 66);
		BARE("statfs", statfs, file, P(buffer), 33, 44, 55, 66);
	}
}

/* ---- a thread with hardly any stack ---- */

static struct bare tiny_call;

static int tiny(void *unused)
{
	(void)unused;
	bare_call(&tiny_call);
	return 0;
}

static void on_a_tiny_stack(void)
{
	char *pages =
		mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE);
	for (int turn = 0; turn < 3; turn++) {
		int status = 0;

		tiny_call = (struct bare){
			.number = SYS_openat,
			.args = {AT_FDCWD, P(at_root(turn == 2 ? "none" : "file")), 0}};
		pid = clone(tiny, pages + 4096 + 1024, CLONE_VM | SIGCHLD, NULL);
		waitpid(pid, &status, 0);
		printf("tiny stack: status %x %s %ld\n", (unsigned int)status,
		       tiny_call.result < 0 ? "error" : "done", tiny_call.below);
	}
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("every verdict", every_verdict);
	in_child("tiny stack", on_a_tiny_stack);
	return 0;
}

#else

int main(void)
{
	printf("only for x86_64\n");
	return 0;
}

#endif
