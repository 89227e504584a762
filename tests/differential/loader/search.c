/* SPDX-License-Identifier: GPL-2.0-or-later */
/* search FILE DIRECTORY NEEDLE...: uses FILE and DIRECTORY, then looks for the needles
 * (backwards: the command line would show them) in every text, link and name of its own
 * /proc, its environment and its auxiliary vector. Prints where one is. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 8 << 20 };

static char *needles[8];
static int count, looked, shown;
static char text[MOST];

static void look_at(const char *where, const char *bytes, size_t size)
{
	looked++;
	for (int i = 0; i < count; i++) {
		if (memmem(bytes, size, needles[i], strlen(needles[i])))
			printf("%s shows %s\n", where, needles[i]);
	}
	/* The positive control: this is what should be seen. */
	if (memmem(bytes, size, "/cvmfs/", 7))
		shown++;
}

static void look_into(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 0;

	while (fd >= 0 && used < MOST && (got = read(fd, text + used, MOST - used)) > 0)
		used += (size_t)got;
	if (fd >= 0)
		close(fd);
	look_at(path, text, used);
}

static int is_left_out(const char *name)
{
	static const char *const names[] = {".",    "..",    "mem",	  "pagemap",
					    "kmsg", "kcore", "clear_refs"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return 1;
	}
	return 0;
}

static void walk(const char *top, int depth)
{
	DIR *dir = opendir(top);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[1024], link[4096];
		struct stat st;
		ssize_t len;

		if (is_left_out(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", top, entry->d_name);
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode)) {
			len = readlink(path, link, sizeof(link));
			look_at(path, link, len > 0 ? (size_t)len : 0);
		} else if (S_ISDIR(st.st_mode) && depth < 4) {
			walk(path, depth + 1);
		} else if (S_ISREG(st.st_mode)) {
			look_into(path);
		}
	}
	if (dir)
		closedir(dir);
}

static void *wait_for_ever(void *unused)
{
	pause();
	return unused;
}

int main(int argc, char **argv)
{
	extern char **environ;
	pthread_t thread;
	char cwd[4096];
	int fd, dir;

	if (argc < 4)
		return 2;
	for (int i = 3; i < argc && count < 8; i++) {
		size_t len = strlen(argv[i]);

		needles[count] = calloc(1, len + 1);
		for (size_t at = 0; at < len; at++)
			needles[count][at] = argv[i][len - 1 - at];
		count++;
	}
	fd = open(argv[1], O_RDONLY);
	dir = open(argv[2], O_RDONLY);
	if (fd < 0 || dir < 0 || fchdir(dir) < 0 || open(argv[1], O_PATH) < 0 ||
	    dup(fd) < 0 || flock(fd, LOCK_SH) < 0 ||
	    mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		return 3;
	pthread_create(&thread, NULL, wait_for_ever, NULL);
	walk("/proc/self", 0);
	for (char **one = environ; *one; one++)
		look_at("the environment", *one, strlen(*one));
	look_at("AT_EXECFN", (const char *)getauxval(AT_EXECFN),
		strlen((const char *)getauxval(AT_EXECFN)));
	if (getcwd(cwd, sizeof(cwd)))
		look_at("getcwd", cwd, strlen(cwd));
	printf("looked %d shown %d\n", looked > 150, shown > 12);
	return 0;
}
