/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exec/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "find/look.h"
#include "run/slowmounts.h"
#include "shown/credentials.h"

/* True if its bits name another user or group than those of the process, and count in
 * its user namespace: bprm_fill_uid() of Linux' fs/exec.c. */
static bool gains_identity(const struct stat *program, const struct stat *process,
			   int tid)
{
	bool user = (program->st_mode & S_ISUID) && program->st_uid != process->st_uid;
	bool group = (program->st_mode & S_ISGID) && (program->st_mode & S_IXGRP) &&
		     program->st_gid != process->st_gid;

	return (user || group) && credentials_maps(tid, "uid_map", program->st_uid) &&
	       credentials_maps(tid, "gid_map", program->st_gid);
}

/* True if its file capabilities permit something that a process of another user than
 * root has not got. Those of the host count for nothing in a namespace of users that a
 * user has made. */
static bool gains_capabilities(const char *exe, const struct stat *process, int tid)
{
	struct vfs_ns_cap_data file = {0};

	return process->st_uid != 0 &&
	       getxattr(exe, "security.capability", &file, sizeof(file)) > 0 &&
	       (file.data[0].permitted | file.data[1].permitted) != 0 &&
	       !credentials_abroad(tid);
}

/* What gives the program more rights than those of its caller, where it lies; NULL if
 * nothing does. */
static const char *gains_rights(const char *exe, int tid)
{
	struct stat program, process;
	struct statvfs place;
	const char *kind = NULL;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", tid);
	if (stat(exe, &program) < 0 || stat(path, &process) < 0)
		return NULL;
	if (gains_identity(&program, &process, tid))
		kind = "a set-user-ID or set-group-ID program";
	else if (gains_capabilities(exe, &process, tid))
		kind = "a program with file capabilities";
	if (!kind || statvfs(exe, &place) < 0 || (place.f_flag & ST_NOSUID))
		return NULL;
	return kind;
}

/* Attributes that a server would have to be asked for are not worth waiting for: FUSE
 * file systems of users and most others of networks give no rights at all. */
static bool may_wait(const struct run *run, const char *exe)
{
	struct stat st;

	return slowmounts_any(run->slow) &&
	       (look_known(AT_FDCWD, exe, 0, &st) < 0 ||
		!slowmounts_is_local(run->slow, st.st_dev));
}

void notice_lost_rights(struct run *run, const struct tracee *tracee)
{
	char exe[32], name[512], text[sizeof(name) + 160];
	const char *kind;
	ssize_t len;

	if (run_has_said(run, SAID_LOST_RIGHTS))
		return;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", tracee->tid);
	kind = may_wait(run, exe) ? NULL : gains_rights(exe, tracee->tid);
	if (!kind)
		return;
	len = readlink(exe, name, sizeof(name));
	snprintf(text, sizeof(text),
		 "%s has the rights of its caller here: %.*s "
		 "(run it outside of interpose_run)",
		 kind, len < 0 ? 0 : (int)len, name);
	run_say_once(run, SAID_LOST_RIGHTS, text);
}

/* Their processes are children of a daemon, often on another node. */
void notice_elsewhere(struct run *run, const struct tracee *tracee)
{
	static const char *const programs[] = {
		"srun",	       "sbatch", "salloc", "condor_submit", "condor_submit_dag",
		"condor_run",  "qsub",	 "qrsh",   "bsub",	    "flux",
		"systemd-run", "docker", "podman", "nerdctl",	    "kubectl",
	};
	char exe[32], name[512], text[256];
	const char *base;
	ssize_t len;

	if (run_has_said(run, SAID_ELSEWHERE))
		return;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", tracee->tid);
	len = readlink(exe, name, sizeof(name) - 1);
	name[len < 0 ? 0 : len] = '\0';
	base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(base, programs[i]) != 0)
			continue;
		snprintf(text, sizeof(text),
			 "what %.30s starts is no descendant of this job and sees "
			 "no " PREFIX_REPOSITORIES
			 " (put interpose_run before its command)",
			 base);
		run_say_once(run, SAID_ELSEWHERE, text);
	}
}

void notice_no_tracer(struct run *run)
{
	run_say_once(
		run, SAID_NO_TRACER,
		"a process has one tracer, which is interpose_run here: debuggers, "
		"strace and leak checks do not work inside (calls are shown by "
		"interpose_run --trace FILE; a sanitized program: "
		"ASAN_OPTIONS=detect_leaks=0; py-spy: --nonblocking)");
}

/* The kernel hides the memory of a program whose file its user may not read, paths of
 * its calls included (would_dump() of Linux' fs/exec.c), and gives its /proc to root.
 */
void notice_hidden_memory(struct run *run, const struct tracee *tracee)
{
	struct stat process;
	char path[32];

	if (run_has_said(run, SAID_HIDDEN_MEMORY) || run->uid == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", tracee->tid);
	if (stat(path, &process) < 0 || process.st_uid == run->uid)
		return;
	run_say_once(run, SAID_HIDDEN_MEMORY,
		     PREFIX_REPOSITORIES
		     " is not shown to a program whose file may be executed and not "
		     "read (chmod +r, or a copy)");
}
