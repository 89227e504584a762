/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each is probed by its first use; docs/fallbacks.md has the same table. */
#include "tracee/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"

/* As INTERPOSE_FORCE_FALLBACK has them: where it is used; what comes instead. */
static const char *const names_of[KERNEL_FEATURES] = {
	/* tracee/memory.c; /proc/PID/mem */
	[KERNEL_PROCESS_VM] = "process_vm",
	/* tracee/absent.c; each look into memory is an errand */
	[KERNEL_PAGEMAP] = "pagemap",
	/* find/look.c; host paths are walked name by name */
	[KERNEL_OPENAT2] = "openat2",
	/* find/look.c; the kind of mount decides whether a look may last */
	[KERNEL_RESOLVE_CACHED] = "resolve_cached",
	/* tracee/descriptors.c; /proc/PID/fdinfo and an lseek of the job's own; locks
	 * of shared objects without effect */
	[KERNEL_PIDFD_GETFD] = "pidfd_getfd",
	/* find/look.c; fstatat, which may ask a server */
	[KERNEL_STATX] = "statx",
	/* tracee/stop.c; the ABI of a call is what the filter says */
	[KERNEL_SYSCALL_INFO] = "syscall_info",
	/* interpose/repository/shelves.py; nameless files of /dev/shm */
	[KERNEL_MEMFD] = "memfd",
};

/* Errands ask from threads of their own. */
static atomic_bool missing[KERNEL_FEATURES];

bool kernel_has(enum kernel_feature feature)
{
	return !atomic_load_explicit(&missing[feature], memory_order_relaxed);
}

void kernel_has_not(enum kernel_feature feature)
{
	atomic_store_explicit(&missing[feature], true, memory_order_relaxed);
}

static bool force(const char *word, size_t size)
{
	bool all = size == strlen("all") && memcmp(word, "all", size) == 0;
	bool found = false;

	for (int i = 0; i < KERNEL_FEATURES; i++) {
		const char *name = names_of[i];

		if (!all && (strlen(name) != size || memcmp(name, word, size) != 0))
			continue;
		kernel_has_not((enum kernel_feature)i);
		found = true;
	}
	return found;
}

int kernel_force(const char *names, const char **ret_word, size_t *ret_size)
{
	while (*names) {
		size_t size = strcspn(names, ",");

		if (size && !force(names, size)) {
			*ret_word = names;
			*ret_size = size;
			return -EINVAL;
		}
		names += size + (names[size] == ',');
	}
	return 0;
}

static bool begins(const char *line, const char *name)
{
	return strncmp(line, name, strlen(name)) == 0;
}

struct kernel_thread kernel_thread(pid_t tid)
{
	struct kernel_thread found = {.filters = -1};
	char path[64], line[256];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		if (begins(line, "Seccomp_filters:"))
			sscanf(line, "%*s %d", &found.filters);
		else if (begins(line, "x86_Thread_features:"))
			found.shadow_stack = strstr(line, "shstk");
	}
	if (status)
		fclose(status);
	return found;
}

int kernel_filters(pid_t tid)
{
	/* Asked of itself it costs next to nothing, and this is the usual answer. */
	if (tid == getpid() && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0)
		return 0;
	return kernel_thread(tid).filters;
}

uint32_t kernel_mount_numbers(void)
{
	enum { MNT_ID = 0x1000, MNT_ID_UNIQUE = 0x4000 }; /* Linux 5.8, 6.8 */
	struct statx stx = {0};

	syscall(SYS_statx, AT_FDCWD, "/", 0, MNT_ID_UNIQUE, &stx);
	return stx.stx_mask & (MNT_ID | MNT_ID_UNIQUE);
}

bool kernel_knows_call(long number)
{
	/* From here on the numbers are those of all architectures (Linux 5.1). */
	enum { FIRST = 424, COUNT = 128, KNOWN = 1, UNKNOWN };
	static atomic_char found[COUNT];
	char state;

	if (number < FIRST || number >= FIRST + COUNT)
		return true;
	state = atomic_load_explicit(&found[number - FIRST], memory_order_relaxed);
	if (!state) {
		/* None of our table takes these: flags, sizes, addresses are wrong. */
		bool none = syscall(number, -1l, -1l, -1l, -1l, -1l, -1l) < 0 &&
			    errno == ENOSYS;

		state = none ? UNKNOWN : KNOWN;
		atomic_store_explicit(&found[number - FIRST], state,
				      memory_order_relaxed);
	}
	return state == KNOWN;
}

bool kernel_takes_null_names(void)
{
	struct statx stx;

	return syscall(SYS_statx, AT_FDCWD, NULL, AT_EMPTY_PATH, 0, &stx) == 0;
}

bool kernel_has_execve_check(void)
{
	enum { EXECVE_CHECK = 0x10000 };
	char *const words[] = {"none", NULL};

	/* Flags are looked at before the descriptor, which is none. */
	return syscall(SYS_execveat, -1, "none", words, NULL, EXECVE_CHECK) < 0 &&
	       errno != EINVAL;
}
