/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 64-bit code in a 32-bit program, by far calls: its calls are x86_64's. */
/* covers: open stat access getcwd chdir */
#include "probe.h"

#include <sys/mman.h>

static unsigned char bytes[512];

/* syscall; lret */
static const unsigned char code_64[] = {0x0f, 0x05, 0xcb};

static long call_64(void *code, long number, long rdi, long rsi, long rdx)
{
	struct {
		uint32_t offset;
		uint16_t segment;
	} __attribute__((packed)) target = {(uint32_t)code, 0x33};
	long result;

	__asm__ volatile("lcall *%1"
			 : "=a"(result)
			 : "m"(target), "a"(number), "D"(rdi), "S"(rsi), "d"(rdx)
			 : "ecx", "memory", "cc");
	return result;
}

static void of_64_bits(void)
{
	/* Numbers of x86_64. */
	enum { OPEN = 2, CLOSE = 3, STAT = 4, ACCESS = 21, GETCWD = 79, CHDIR = 80 };
	static const char *const subjects[] = {"file", "none", "dir", "link", "nested"};
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char cwd[4096];

	memcpy(code, code_64, sizeof(code_64));
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
			long path = (long)at_root(subjects[i]), fd;
			uint32_t mode;

			fd = call_64(code, OPEN, path, O_RDONLY, 0);
			printf("64 bits open %s %ld\n", subjects[i], fd < 0 ? fd : 0);
			if (fd >= 0)
				call_64(code, CLOSE, fd, 0, 0);
			printf("  stat %ld", call_64(code, STAT, path, (long)bytes, 0));
			memcpy(&mode, bytes + 24, 4);
			printf(" mode %o", mode);
			printf(" access %ld", call_64(code, ACCESS, path, R_OK, 0));
			printf(" chdir %ld\n", call_64(code, CHDIR, path, 0, 0));
			say_open(open((const char *)path, O_RDONLY), "  32 bits");
		}
		memset(cwd, 0, sizeof(cwd));
		call_64(code, GETCWD, (long)cwd, sizeof(cwd), 0);
		printf("cwd %s\n", cwd);
	}
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("64 bits", of_64_bits);
	return 0;
}
