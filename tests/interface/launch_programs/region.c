/* SPDX-License-Identifier: GPL-2.0-or-later */
/* region PATH overmap: opens PATH, maps memory of its own over all that the first open
 * made, and opens it again. region PATH lock KIB: opens PATH when all future memory is
 * locked and KIB more than now may be. No C library between: it would map, too. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT = 1 << 16, MAPPINGS = 16, FILL = 'x' };

static char before[TEXT], after[TEXT];
static struct {
	char *first;
	size_t size;
} made[MAPPINGS];

static void read_all(const char *path, char *text)
{
	int fd = open(path, O_RDONLY);
	ssize_t got, used = 0;

	while ((got = read(fd, text + used, (size_t)(TEXT - 1 - used))) > 0)
		used += got;
	text[used] = '\0';
	close(fd);
}

static int overmap(const char *path)
{
	unsigned long first, end;
	long count = 0, wrong = 0;
	char *line;

	read_all("/proc/self/maps", before);
	close(open(path, O_RDONLY));
	read_all("/proc/self/maps", after);
	for (line = strtok(after, "\n"); line; line = strtok(NULL, "\n"))
		if (!strstr(before, line) && count < MAPPINGS &&
		    sscanf(line, "%lx-%lx", &first, &end) == 2) {
			made[count].first = (char *)first;
			made[count++].size = end - first;
		}
	for (long i = 0; i < count; i++) {
		mmap(made[i].first, made[i].size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		memset(made[i].first, FILL, made[i].size);
	}
	for (int turn = 0; turn < 3; turn++) {
		int fd = open(path, O_RDONLY);

		if (fd < 0)
			perror("open");
		close(fd);
	}
	for (long i = 0; i < count; i++)
		for (size_t at = 0; at < made[i].size; at++)
			wrong += made[i].first[at] != FILL;
	printf("%s, %ld bytes changed\n", count ? "covered" : "nothing new", wrong);
	return 0;
}

static int locked(const char *path, long more_kib)
{
	static char status[TEXT];
	struct rlimit limit;
	const char *line;
	long kib;

	read_all("/proc/self/status", status);
	line = strstr(status, "VmSize:");
	kib = line ? atol(line + strlen("VmSize:")) : 0;
	limit.rlim_cur = limit.rlim_max = (rlim_t)(kib + more_kib) * 1024;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
		perror("mlockall");
		return 2;
	}
	if (open(path, O_RDONLY) < 0) {
		perror("open");
		return 1;
	}
	puts("opened");
	return 0;
}

int main(int argc, char **argv)
{
	static char buffer[BUFSIZ];

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	return argc > 3 ? locked(argv[1], atol(argv[3])) : overmap(argv[1]);
}
