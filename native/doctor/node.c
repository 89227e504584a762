/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel, limits, Python, the host's own /cvmfs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "doctor/doctor.h"
#include "path/prefix.h"

enum {
	NEEDED_FDS = 12, /* beyond those that are open; a large job takes more */
	ENOUGH_FDS = 256,
	MOST_COUNTED = 4096,
	NEEDED_PROCESSES = 3, /* beyond this one: tracer and job, and a resolver */
	NEEDED_MEMORY = 2 << 20,
};
/* Python with what it imports takes a third of it. */
static const rlim_t enough_memory = 512u << 20;

void look_at_kernel(const struct doctor_node *node, struct finding *finding)
{
	int major = 0, minor = 0;
	struct utsname name;

	(void)node;
	if (uname(&name) < 0)
		return;
	sscanf(name.release, "%d.%d", &major, &minor);
	finding_say(finding,
		    major < 4 || (major == 4 && minor < 8) ? LEVEL_WARNING : LEVEL_OK,
		    "%s %s, %s", name.sysname, name.release, name.machine);
	finding_fact(finding, "release", name.release);
	finding_fact(finding, "machine", name.machine);
}

void look_at_proc(const struct doctor_node *node, struct finding *finding)
{
	(void)node;
	if (access("/proc/self/fd", R_OK | X_OK) == 0)
		finding_say(finding, LEVEL_OK, "/proc can be read");
	else
		finding_say(finding, LEVEL_NO, "cannot read: /proc/self/fd: %s",
			    strerror(errno));
}

static unsigned long long open_now(unsigned long long most)
{
	unsigned long long count = 0;

	for (int fd = 0; fd < MOST_COUNTED && (unsigned long long)fd < most; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

void look_at_descriptors(const struct doctor_node *node, struct finding *finding)
{
	unsigned long long most, left;
	struct rlimit limit;

	(void)node;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	most = limit.rlim_cur;
	left = most - open_now(most);
	if (left < NEEDED_FDS)
		finding_say(finding, LEVEL_NO, "%s: %llu of at most %llu are left",
			    strerror(EMFILE), left, most);
	else
		finding_say(finding, left < ENOUGH_FDS ? LEVEL_WARNING : LEVEL_OK,
			    "%llu of at most %llu are left", left, most);
	finding_number(finding, "limit", (long long)most);
}

void look_at_processes(const struct doctor_node *node, struct finding *finding)
{
	pid_t pids[NEEDED_PROCESSES];
	int made = 0, error = 0;

	(void)node;
	while (made < NEEDED_PROCESSES && error == 0) {
		pids[made] = fork();
		if (pids[made] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			for (;;)
				pause();
		}
		if (pids[made] < 0)
			error = errno;
		else
			made++;
	}
	for (int i = 0; i < made; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < made; i++)
		waitpid(pids[i], NULL, 0);
	if (error)
		finding_say(finding, LEVEL_NO,
			    "%s: a run needs %d processes more, %d can be made",
			    strerror(error), NEEDED_PROCESSES, made);
	else
		finding_say(finding, LEVEL_OK, "those of a run can be made");
}

void look_at_memory(const struct doctor_node *node, struct finding *finding)
{
	static const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
	static const char *const names[] = {"ulimit -v", "ulimit -d"};
	void *some = mmap(NULL, NEEDED_MEMORY, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct rlimit limit;

	(void)node;
	if (some == MAP_FAILED)
		finding_say(finding, LEVEL_NO, "%s: not even %d MB can be had",
			    strerror(errno), NEEDED_MEMORY >> 20);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit(limits[i], &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
			continue;
		finding_say(finding,
			    limit.rlim_cur < enough_memory ? LEVEL_WARNING : LEVEL_OK,
			    "%s gives %llu MB%s", names[i],
			    (unsigned long long)limit.rlim_cur >> 20,
			    limit.rlim_cur < enough_memory ? ", Python may need more"
							   : "");
	}
	if (!finding->text[0])
		finding_say(finding, LEVEL_OK, "no limit");
	if (some != MAP_FAILED)
		munmap(some, NEEDED_MEMORY);
}

void look_at_python(const struct doctor_node *node, struct finding *finding)
{
	if (node->python[0])
		finding_say(finding, LEVEL_OK, "%s", node->python);
	else
		finding_say(finding, LEVEL_NO, "%s", node->python_problem);
	finding_advise(finding, "%s", node->python_advice);
}

/* The first mount at or below /cvmfs: its type, and how many there are. */
static int mounts_of_cvmfs(char *ret_type, int size)
{
	FILE *file = fopen("/proc/self/mounts", "re");
	const size_t length = strlen(PREFIX_REPOSITORIES);
	char line[4096], point[256], type[64];
	int count = 0;

	ret_type[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %255s %63s", point, type) < 2 ||
		    strncmp(point, PREFIX_REPOSITORIES, length) != 0 ||
		    (point[length] && point[length] != '/'))
			continue;
		if (!count++)
			snprintf(ret_type, (size_t)size, "%s", type);
	}
	if (file)
		fclose(file);
	return count;
}

void look_at_cvmfs(const struct doctor_node *node, struct finding *finding)
{
	char type[64];
	int mounts = mounts_of_cvmfs(type, sizeof(type));
	struct stat status;

	(void)node;
	if (mounts)
		finding_say(finding, LEVEL_OK,
			    "the host has %d %s there (%s); a job sees interpose's",
			    mounts, mounts == 1 ? "mount" : "mounts", type);
	else if (lstat(PREFIX_REPOSITORIES, &status) == 0)
		finding_say(finding, LEVEL_OK,
			    "the host has a directory and no mount there");
	else
		finding_say(finding, LEVEL_OK,
			    "the host has none: a job sees "
			    "interpose's");
	finding_number(finding, "mounts", mounts);
}
