/* SPDX-License-Identifier: GPL-2.0-or-later */
/* missing_programs PLACE TOP: executes what is not there, in all ways that a search
 * may, and prints the errors. PLACE: a directory of the host that it may fill; TOP: one
 * of /cvmfs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *words[] = {"missing", "one", NULL};
static char *values[] = {"A=1", "B=2", NULL};
static char *page; /* the next one is not there */
static int turns = 1;
static volatile int error; /* of a child that shares this memory */

/* What could be executed after all is tried in a child. */
static void try(const char *what, const char *path, char **argv, char **envp)
{
	int status;
	pid_t pid;

	error = 0;

	for (int i = 0; i < turns; i++) {
		pid = vfork();
		if (pid == 0) {
			execve(path, argv, envp);
			error = errno;
			_exit(100);
		}
		waitpid(pid, &status, 0);
	}
	printf("%s: %x %d\n", what, status, error);
	fflush(stdout);
}

static void try_at(const char *what, int dirfd, const char *path, int flags)
{
	int status;
	pid_t pid;

	error = 0;
	pid = vfork();
	if (pid == 0) {
		syscall(SYS_execveat, dirfd, path, words, values, flags);
		error = errno;
		_exit(100);
	}
	waitpid(pid, &status, 0);
	printf("execveat %s %d: %x %d\n", what, flags, status, error);
	fflush(stdout);
}

static void try_names(const char *top)
{
	static const char *const names[] = {
		"nobody",      "file",	      "file/x",	  "file/",
		"link/nobody", "link/bin",    "./nobody", "../nobody",
		"nobody/",     "dir",	      "dir/",	  "dir/nobody",
		"dir/../bin",  "shut/nobody", "shut/bin", "dangling",
		"dangling/x",  "loop",	      "loop/x",	  "out/nobody",
		"out/README",  "bin",	      "bin/x",	  "plain",
		"empty",       "script",      "lost",	  "nested/../nobody",
		".",	       ".."};
	char path[4096], what[4200];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", top, names[i]);
		snprintf(what, sizeof(what), "%s", path);
		try(what, path, words, values);
	}
	for (int length = 254; length <= 257; length++) {
		snprintf(path, sizeof(path), "%s%0*d", top, length, 0);
		try("long name", path, words, values);
		snprintf(path, sizeof(path), "%snobody/%0*d", top, length, 0);
		try("long name below none", path, words, values);
	}
	for (int length = 4093; length <= 4098; length++) {
		static char whole[8192];
		int at = snprintf(whole, sizeof(whole), "%snobody", top);

		memset(whole + at, '/', sizeof(whole) - (size_t)at);
		whole[length - 1] = 'x';
		whole[length] = 0;
		try("long path", whole, words, values);
	}
}

static char *at_the_end(const char *text)
{
	return memcpy(page + 4096 - strlen(text) - 1, text, strlen(text) + 1);
}

static void try_pointers(const char *path)
{
	char *bad[] = {"x", (char *)8, NULL}, *none[] = {NULL}, **list;
	static char big[100000], bigger[140000];
	char *large[] = {big, NULL}, *larger[] = {bigger, NULL};
	char *many[40];

	memset(big, 'b', sizeof(big) - 1);
	memset(bigger, 'c', sizeof(bigger) - 1);
	try("good", path, words, values);
	try("no argv", path, NULL, values);
	try("no envp", path, words, NULL);
	try("empty argv", path, none, none);
	try("bad argv", path, (char **)8, values);
	try("bad envp", path, words, (char **)8);
	try("far argv", path, (char **)~0xfffull, values);
	try("bad word", path, bad, values);
	try("bad value", path, words, bad);
	list = (char **)(page + 4096) - 2;
	list[0] = "x";
	list[1] = "y";
	try("argv without an end", path, list, values);
	try("envp without an end", path, words, list);
	list[1] = NULL;
	try("argv at the end", path, list, list);
	list[1] = NULL;
	list[0] = page;
	memset(page, 'p', 4080);
	try("long word", path, list, list);
	bad[1] = memset(page + 4090, 'q', 6);
	try("word without an end", path, bad, values);
	try("value without an end", path, words, bad);
	try("large word", path, large, values);
	try("larger word", path, larger, values);
	for (int i = 0; i < 39; i++)
		many[i] = big;
	many[39] = NULL;
	try("too many", path, many, values);
	try("too many values", path, words, many);
	try("path at the end", at_the_end(path), words, values);
	memset(page + 4090, 'r', 6);
	try("path without an end", page + 4090, words, values);
	for (size_t i = 0; i < 4; i++)
		try("bad path",
		    ((const char *[]){NULL, (char *)8, page + 4096,
				      (char *)~0xffull})[i],
		    words, values);
	try("bad path and argv", (char *)8, (char **)8, values);
	try("empty path", "", words, values);
	try("empty path, bad argv", "", (char **)8, values);
}

static void try_at_all(const char *place, const char *top)
{
	int here = open(place, O_RDONLY | O_DIRECTORY),
	    there = open(top, O_RDONLY | O_DIRECTORY);
	char missing[4096], ours[4096];
	const int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 0x10000, 1, -1};

	snprintf(missing, sizeof(missing), "%s/nobody", place);
	snprintf(ours, sizeof(ours), "%s/nobody", top);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		try_at("absolute", -5, missing, flags[i]);
		try_at("ours", -5, ours, flags[i]);
		try_at("relative", AT_FDCWD, "nobody", flags[i]);
		try_at("by descriptor", here, "nobody", flags[i]);
		try_at("by ours", there, "nobody", flags[i]);
		try_at("by none", 99, "nobody", flags[i]);
		try_at("file by descriptor", here, "bin", flags[i]);
		try_at("empty", here, "", flags[i]);
		try_at("bad", AT_FDCWD, (char *)8, flags[i]);
	}
	close(here);
	close(there);
}

static void fill(const char *top)
{
	if (chdir(".") < 0)
		exit(1);
	mkdir("dir", 0755);
	mkdir("shut", 0600);
	close(open("file", O_CREAT | O_WRONLY, 0644));
	close(open("empty", O_CREAT | O_WRONLY, 0755));
	(void)!symlink("/bin/true", "bin");
	(void)!symlink("dir", "link");
	(void)!symlink("nothing", "dangling");
	(void)!symlink("loop", "loop");
	(void)!symlink(top, "out");
}

int main(int argc, char **argv)
{
	char path[4200], cwd[4096];
	struct rlimit limit;
	struct stat st;

	if (argc < 3 || chdir(argv[1]) < 0)
		return 2;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	munmap(page + 4096, 4096);
	fill(argv[2]);
	for (int i = 0; i < 40; i++)
		stat("/etc/passwd", &st);
	snprintf(path, sizeof(path), "%s/", argv[1]);
	try_names(path);
	snprintf(path, sizeof(path), "%s/nobody", argv[1]);
	try_pointers(path);
	snprintf(path, sizeof(path), "%s/", argv[2]);
	try_names(path);
	try_at_all(argv[1], argv[2]);
	stat(".", &st);
	try_names("");
	for (size_t i = 0; i < 8; i++)
		try("elsewhere",
		    ((const char *[]){"/proc/nobody", "/proc/self/nobody",
				      "/proc/self/cwd/nobody", "/dev/fd/77", "//nobody",
				      "/./nobody", "/../nobody",
				      "/cvmfs/nobody.example.org/x"})[i],
		    words, values);
	if (chdir(argv[2]) < 0)
		return 3;
	try_names("");
	if (chdir("/") < 0 || !getcwd(cwd, sizeof(cwd)))
		return 4;
	try("from the root", "nobody", words, values);
	try("from the root", "cvmfs/nobody.example.org", words, values);
	try("from the root", "proc/self/cwd/nobody", words, values);
	/* A stack that has no room for arguments. */
	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = 150 << 10;
	setrlimit(RLIMIT_STACK, &limit);
	snprintf(path, sizeof(path), "%s/nobody", argv[1]);
	try_pointers(path);
	turns = 50;
	try("often", path, words, values);
	return 0;
}
