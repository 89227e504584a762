/* SPDX-License-Identifier: GPL-2.0-or-later */
/* threads COUNT CALLS: each thread opens a file and asks for the directory so often. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int good;
static int calls;

static void *work(void *unused)
{
	char directory[4096];

	for (int i = 0; i < calls; i++) {
		int fd = open("/etc/passwd", O_RDONLY);

		if (fd >= 0 && getcwd(directory, sizeof(directory)))
			good++;
		close(fd);
	}
	return unused;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[1]) : 0;
	pthread_t *threads = calloc((size_t)count + 1, sizeof(*threads));
	pthread_attr_t attributes;

	calls = argc > 2 ? atoi(argv[2]) : 0;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], &attributes, work, NULL) != 0)
			return 1;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%d\n", good);
	return 0;
}
