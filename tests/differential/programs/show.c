/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints what a program that was just executed knows about itself. */
#include "probe.h"

#include <sys/auxv.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	char comm[16] = "", exe[4096], large[64];
	const char *execfn = (const char *)getauxval(AT_EXECFN);
	size_t total = 0;
	ssize_t len;

	prctl(PR_GET_NAME, comm);
	printf("    comm %s execfn %s argc %d secure %lu\n", comm, execfn, argc,
	       getauxval(AT_SECURE));
	for (int i = 0; i < argc; i++) {
		total += strlen(argv[i]) + 1;
		if (i < 8) {
			snprintf(large, sizeof(large), "%s", argv[i]);
			printf("    argv[%d] %s (%zu)\n", i,
			       strlen(argv[i]) < 4000 && i < 3 ? argv[i] : large,
			       strlen(argv[i]));
		}
	}
	printf("    %zu bytes of arguments\n", total);
	len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	say_bytes(exe, len > 0 ? (size_t)len : 0, "    exe");
	exe[len > 0 ? len : 0] = '\0';
	say(access(exe, X_OK), "    exe can be executed");
	return 7;
}
