/* SPDX-License-Identifier: GPL-2.0-or-later */
/* many_opens PATH COUNT: opens, reads and closes PATH; prints how many KiB the tracer
 * has after the first of four rounds, and after the last. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long field_of(const char *path, const char *name)
{
	char line[256];
	long value = -1;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

int main(int argc, char **argv)
{
	char tracer[64], head[200];

	if (argc != 3)
		return 2;
	snprintf(tracer, sizeof(tracer), "/proc/%ld/status",
		 field_of("/proc/self/status", "TracerPid:"));
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < atoi(argv[2]); i++) {
			int fd = open(argv[1], O_RDONLY);

			if (fd < 0 || read(fd, head, sizeof(head)) < 0)
				return 1;
			close(fd);
		}
		if (round % 3 == 0)
			printf("%ld\n", field_of(tracer, "VmRSS:"));
	}
	return 0;
}
