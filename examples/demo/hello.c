/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program of the demonstration: finds its library and its data beside itself. */
#include <stdio.h>
#include <unistd.h>

int greet(const char *where);

int main(void)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0) {
		perror("/proc/self/exe");
		return 1;
	}
	self[length] = '\0';
	printf("hello.c     a program, running as %s\n", self);
	greet("$ORIGIN/../lib");
	return 0;
}
