/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How filter_install() asks: prints the flags of each call of seccomp, then its result.
 * The kernel is played by this file (-Wl,--wrap=syscall): `new` takes all, `old` knows
 * no flag, `none` takes nothing, `real` is the real one. */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch/numbers.h"
#include "tracer/filter.h"

static const char *kernel;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
	va_list list;

	va_start(list, number);
	unsigned int operation = va_arg(list, unsigned int);
	unsigned int flags = va_arg(list, unsigned int);
	const void *program = va_arg(list, const void *);
	va_end(list);
	printf("flags %u\n", flags);
	if (number != __NR_seccomp || operation != SECCOMP_SET_MODE_FILTER)
		return -1;
	if (strcmp(kernel, "real") == 0)
		return __real_syscall(number, operation, flags, program);
	if (strcmp(kernel, "none") == 0)
		errno = EACCES;
	else if (strcmp(kernel, "old") == 0 && flags != 0)
		errno = EINVAL;
	else
		return 0;
	return -1;
}

static const size_t no_rows;
static const struct syscall_table tables[ARCH_ABIS] = {{NULL, &no_rows},
						       {NULL, &no_rows}};

int main(int argc, char **argv)
{
	struct sock_fprog program;
	char line[256];

	kernel = argc > 1 ? argv[1] : "new";
	if (filter_build(tables, false, 0, &program) < 0)
		return 1;
	printf("result %d\n", filter_install(&program));
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "Spec", 4) == 0)
			fputs(line, stdout);
	return 0;
}
