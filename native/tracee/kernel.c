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

/* The rest of the line of /proc/TID/status that begins with `name`; false: none. */
static bool status_line(pid_t tid, const char *name, char ret_rest[256])
{
	const size_t size = strlen(name);
	char path[64], line[256];
	bool found = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	status = fopen(path, "re");
	while (status && !found && fgets(line, sizeof(line), status))
		found = strncmp(line, name, size) == 0;
	if (status)
		fclose(status);
	if (found)
		strcpy(ret_rest, line + size);
	return found;
}

int kernel_filters(pid_t tid)
{
	char rest[256];
	int count = -1;

	/* Asked of itself it costs next to nothing, and this is the usual answer. */
	if (tid == getpid() && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0)
		return 0;
	if (status_line(tid, "Seccomp_filters:", rest))
		sscanf(rest, "%d", &count);
	return count;
}

bool kernel_shadow_stack(pid_t tid)
{
	char rest[256];

	return status_line(tid, "x86_Thread_features:", rest) && strstr(rest, "shstk");
}

uint32_t kernel_mount_numbers(void)
{
	enum { MNT_ID = 0x1000, MNT_ID_UNIQUE = 0x4000 }; /* Linux 5.8, 6.8 */
	struct statx stx = {0};

	syscall(SYS_statx, AT_FDCWD, "/", 0, MNT_ID_UNIQUE, &stx);
	return stx.stx_mask & (MNT_ID | MNT_ID_UNIQUE);
}
