/* SPDX-License-Identifier: GPL-2.0-or-later */
/* workload TOP ROUNDS [LEFT]: calls about names of TOP and of the host, as the C
 * library makes them; prints a sum of what came of them. When LEFT rounds are left a
 * thread is started, which waits. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long sum;

static void add(long value)
{
	sum = sum * 31 + (unsigned long)value;
}

static void look(const char *folder, const char *name)
{
	char path[4096], text[4096];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	add(stat(path, &st) == 0 ? (long)st.st_size : -1);
	add(lstat(path, &st) == 0 ? (long)st.st_mode : -1);
	add(access(path, R_OK));
	add(readlink(path, text, sizeof(text)));
	fd = open(path, O_RDONLY);
	add(fd >= 0);
	if (fd < 0)
		return;
	add(fstat(fd, &st) == 0 ? (long)st.st_nlink : -1);
	add(read(fd, text, sizeof(text)));
	add(fstatat(fd, "inner/g", &st, 0));
	close(fd);
}

static void list(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	long names = 0;

	while (dir && (entry = readdir(dir)))
		names += (long)strlen(entry->d_name);
	add(names);
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
	static const char *const names[] = {"README", "dir/nested", "dir/nested/f",
					    "across", "no/where"};
	pthread_t other;

	if (argc < 3)
		return 2;
	for (int left = atoi(argv[2]); left > 0; left--) {
		if (argc > 3 && left == atoi(argv[3]) &&
		    pthread_create(&other, NULL, wait_for_ever, NULL) != 0)
			return 3;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			look(argv[1], names[i]);
		look("/etc", "passwd");
		look("/etc", "nothing");
		list(argv[1]);
		list("/etc");
	}
	printf("%lu\n", sum);
	return 0;
}
