/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interpreter of binfmt_misc that prints all that it is told (test_foreign.py). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

static void say_link(const char *label, const char *path)
{
	char text[4096];
	ssize_t len = readlink(path, text, sizeof(text));

	printf("%s %.*s\n", label, len < 0 ? 0 : (int)len, text);
}

static void say_command_line(void)
{
	char text[65536];
	int fd = open("/proc/self/cmdline", O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text));

	for (ssize_t i = 0; i < len; i++)
		putchar(text[i] ? text[i] : '|');
	puts(" command line");
	close(fd);
}

int main(int argc, char **argv)
{
	char comm[16] = "", head[4] = "", path[64];
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;

	for (int i = 0; i < argc; i++)
		printf("argv[%d] %s\n", i, argv[i]);
	say_command_line();
	say_link("exe", "/proc/self/exe");
	prctl(PR_GET_NAME, comm);
	printf("comm %s, execfn %s, flags %lx\n", comm,
	       (const char *)getauxval(AT_EXECFN), getauxval(AT_FLAGS));
	if (getauxval(AT_EXECFD)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%lu", getauxval(AT_EXECFD));
		say_link("descriptor", path);
	}
	printf("content %zd %.4s\n\n", read(fd, head, sizeof(head)), head);
	return 0;
}
