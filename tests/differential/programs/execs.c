/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the tree, run in every way: `show` tells what it knows about itself. */
/* covers: execve execveat */
#include "probe.h"

#include <signal.h>
#include <sys/mman.h>

static char *const plain_environment[] = {"PATH=/usr/bin:/bin", "NAME=value", NULL};
static char **arguments;

/* Prints how the exec failed or how the program ended. */
static void run(const char *label, int dirfd, const char *path, int flags, bool at)
{
	pid_t pid;
	int status;

	printf("%s:\n", label);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(10);
		if (at)
			CALL(execveat, dirfd, path, arguments, plain_environment,
			     flags);
		else
			CALL(execve, path, arguments, plain_environment);
		say(-1, "    failed");
		fflush(stdout);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	printf("    status %x\n", (unsigned int)status);
}

static const char *const programs[] = {
	"bin/show",
	"bin/link_show",
	"bin/show_i386", /* those of i386 are not there without a compiler for it */
	"bin/static_i386",
	"bin/own_i386", /* loader and C library of the tree */
	"bin/script_i386",
	"bin/script",
	"bin/script_argument",
	"bin/script_host",
	"bin/script_of_script",
	"bin/script_missing",
	"bin/script_directory",
	"bin/script_plain",
	"bin/script_itself",
	"bin/script_empty",
	"bin/script_long",
	"bin/script_cut",
	"bin/text",
	"bin/empty",
	"bin/no_x",
	"bin/x_only",
	"bin",
	"bin/",
	"bin/show/",
	"bin/none",
	"file",
	"fifo",
	"socket",
	"null",
	"dangling",
	"loop",
	"chain_40",
	"to_host",
	"bin/../bin//show",
	"nested/../bin/show",
	"mode_0000",
	"dir_0000/file",
	"",
	"none/show",
	"file/show",
};

static void each_program(void)
{
	static char *words[] = {"zero", "one", "two", NULL};
	int dir = must_open(root, O_PATH);

	arguments = words;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		char label[300];

		snprintf(label, sizeof(label), "execve %s", shown(programs[i]));
		run(label, 0, tail_text(at_root(programs[i])), 0, false);
		snprintf(label, sizeof(label), "execveat %s", shown(programs[i]));
		run(label, dir, tail_text(programs[i]), 0, true);
		snprintf(label, sizeof(label), "execveat nofollow %s",
			 shown(programs[i]));
		run(label, AT_FDCWD, at_root(programs[i]), AT_SYMLINK_NOFOLLOW, true);
		must_chdir(root);
		snprintf(label, sizeof(label), "relative %s", shown(programs[i]));
		run(label, 0, programs[i], 0, false);
		must_chdir("/");
	}
}

static void by_descriptor(void)
{
	static const char *const subjects[] = {
		"bin/show", "bin/script", "bin/script_host",
		"bin/text", "bin",	  "bin/no_x"};
	static char *words[] = {"zero", "one", NULL};

	arguments = words;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		int fd = must_open(at_root(subjects[i]), O_RDONLY);
		int path_fd = must_open(at_root(subjects[i]), O_PATH);
		char label[100], link[40];

		snprintf(label, sizeof(label), "fexecve %s", subjects[i]);
		run(label, fd, "", AT_EMPTY_PATH, true);
		snprintf(label, sizeof(label), "fexecve of a path %s", subjects[i]);
		run(label, path_fd, "", AT_EMPTY_PATH, true);
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		snprintf(label, sizeof(label), "execve of %s %s", link, subjects[i]);
		run(label, 0, link, 0, false);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		snprintf(label, sizeof(label), "fexecve closing %s", subjects[i]);
		run(label, fd, "", AT_EMPTY_PATH, true);
		close(fd);
		close(path_fd);
	}
	run("empty without the flag", must_open(root, O_RDONLY), "", 0, true);
	run("closed descriptor", 900, "bin/show", 0, true);
	run("bad flag", AT_FDCWD, at_root("bin/show"), 1, true);
	run("host program", AT_FDCWD, "/bin/true", 0, true);
	run("missing host program", 0, "/none", 0, false);
	run("host program by a link", 0, at_host("in/bin/show"), 0, false);
}

/* `total` bytes in `words` arguments. */
static void with_arguments(const char *program, size_t words, size_t length)
{
	char label[100];

	arguments = calloc(words + 2, sizeof(*arguments));
	for (size_t i = 0; i < words; i++) {
		arguments[i] = malloc(length + 1);
		memset(arguments[i], 'a' + (int)(i % 26), length);
		arguments[i][length] = '\0';
	}
	snprintf(label, sizeof(label), "%s with %zu words of %zu", program, words,
		 length);
	run(label, 0, at_root(program), 0, false);
	arguments[words] = "last";
	for (size_t i = 0; i < words; i++)
		free(arguments[i]);
	free(arguments);
}

static void many_arguments(void)
{
	static const char *const subjects[] = {"bin/show", "bin/script",
					       "bin/script_argument",
					       "bin/script_of_script"};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		with_arguments(subjects[i], 0, 0);
		with_arguments(subjects[i], 1, 0);
		with_arguments(subjects[i], 2000, 5);
		with_arguments(subjects[i], 200, 60);
		with_arguments(subjects[i], 11, 100000);
		with_arguments(subjects[i], 1, 131071);
		with_arguments(subjects[i], 1, 131072);
		with_arguments(subjects[i], 100, 100000);
		with_arguments(subjects[i], 20000, 3);
	}
}

static void bad_pointers(void)
{
	static char *good[] = {"zero", NULL};
	char **cut = tail(2 * sizeof(*cut)), **bad = tail(2 * sizeof(*bad));
	static const char *const subjects[] = {"bin/show", "bin/script"};

	cut[0] = cut[1] = "word";
	bad[0] = (char *)8;
	bad[1] = NULL;
	for (size_t i = 0; i < 2; i++) {
		const char *path = at_root(subjects[i]);

		say(CALL(execve, path, cut, NULL), "argv without end %s", subjects[i]);
		say(CALL(execve, path, bad, NULL), "a bad word %s", subjects[i]);
		say(CALL(execve, path, (char **)8, NULL), "bad argv %s", subjects[i]);
		say(CALL(execve, path, good, (char **)8), "bad envp %s", subjects[i]);
		say(CALL(execve, path, good, cut), "envp without end %s", subjects[i]);
		arguments = NULL;
		run("without argv", 0, path, 0, false);
	}
	say(CALL(execve, NULL, good, NULL), "no path");
	say(CALL(execve, (char *)8, good, NULL), "bad path");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("each program", each_program);
	in_child("by descriptor", by_descriptor);
	in_child("many arguments", many_arguments);
	in_child("bad pointers", bad_pointers);
	return 0;
}
