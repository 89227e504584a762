/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often the host's root lists cvmfs, by each call that i386 has for listing. */
#include "probe.h"

#define RAW(name, ...) syscall(__NR_##name, __VA_ARGS__)

static unsigned char bytes[4096] __attribute__((aligned(8)));

/* Of a block with names at `name_at` of each entry and its length at `length_at`. */
static int count(long got, size_t length_at, size_t name_at)
{
	int found = 0;
	uint16_t length;

	for (long at = 0; at < got; at += length) {
		memcpy(&length, bytes + at + length_at, sizeof(length));
		found += strcmp((char *)bytes + at + name_at, "cvmfs") == 0;
	}
	return found;
}

int main(void)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY), found[3] = {0};
	long got;

	while ((got = RAW(getdents64, fd, bytes, sizeof(bytes))) > 0)
		found[0] += count(got, 16, 19);
	lseek(fd, 0, SEEK_SET);
	while ((got = RAW(getdents, fd, bytes, sizeof(bytes))) > 0)
		found[1] += count(got, 8, 10);
	lseek(fd, 0, SEEK_SET);
	while ((got = RAW(readdir, fd, bytes, 1)) > 0)
		found[2] += strcmp((char *)bytes + 10, "cvmfs") == 0;
	printf("getdents64 %d getdents %d readdir %d\n", found[0], found[1], found[2]);
	return got < 0;
}
