/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enter PID ROOT PROGRAM [ARGUMENT...]: runs it where PID is, below ROOT. An ordinary
 * user gets there by being mighty in a user namespace, and gives that up again. */
#include "probe.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>

static void join(const char *pid, const char *kind, int flag)
{
	char path[64];
	struct stat theirs, ours;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, kind);
	fd = must_open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	if (fstat(fd, &theirs) == 0 && stat(path, &ours) == 0 &&
	    theirs.st_ino != ours.st_ino && setns(fd, flag) < 0) {
		perror(kind);
		exit(2);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	if (argc < 4)
		return 2;
	join(argv[1], "user", CLONE_NEWUSER);
	join(argv[1], "mnt", CLONE_NEWNS);
	if (chroot(argv[2]) < 0 || chdir("/") < 0) {
		perror(argv[2]);
		return 2;
	}
	if (geteuid() != 0 &&
	    (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	     CALL(capset, &header, none) < 0)) {
		perror("capabilities");
		return 2;
	}
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 2;
}
