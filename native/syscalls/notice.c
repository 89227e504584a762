/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a job is refused because it is ours: said once, so that nobody searches long. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "run/slowmounts.h"
#include "syscalls/credentials.h"
#include "syscalls/exec.h"
#include "syscalls/handlers.h"
#include "syscalls/look.h"

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

	if (run->said_lost_rights)
		return;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", tracee->tid);
	kind = may_wait(run, exe) ? NULL : gains_rights(exe, tracee->tid);
	if (!kind)
		return;
	len = readlink(exe, name, sizeof(name));
	run->said_lost_rights = true;
	snprintf(text, sizeof(text),
		 "%s has the rights of its caller here: %.*s "
		 "(run it outside of interpose_run)",
		 kind, len < 0 ? 0 : (int)len, name);
	run->say(run->say_context, text);
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

	if (run->said_elsewhere)
		return;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", tracee->tid);
	len = readlink(exe, name, sizeof(name) - 1);
	name[len < 0 ? 0 : len] = '\0';
	base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(base, programs[i]) != 0)
			continue;
		run->said_elsewhere = true;
		snprintf(text, sizeof(text),
			 "what %.30s starts is no descendant of this job and sees "
			 "no " PREFIX_REPOSITORIES
			 " (put interpose_run before its command)",
			 base);
		run->say(run->say_context, text);
	}
}

static void notice_no_tracer(struct run *run)
{
	if (run->said_no_tracer)
		return;
	run->said_no_tracer = true;
	run->say(run->say_context,
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

	if (run->said_hidden_memory || run->uid == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", tracee->tid);
	if (stat(path, &process) < 0 || process.st_uid == run->uid)
		return;
	run->said_hidden_memory = true;
	run->say(run->say_context, PREFIX_REPOSITORIES
		 " is not shown to a program whose file may be executed and not "
		 "read (chmod +r, or a copy)");
}

static enum verdict leave_ptrace(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);

	if (result == -EPERM)
		notice_no_tracer(run);
	return tracee_finish(tracee, result);
}

/* A thread of the tracer, or front. */
static bool is_our_own(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)pid);
	return pid > 1 && (pid == getppid() || access(path, F_OK) == 0);
}

/* The kernel refuses it for processes of the job, and we for those that serve it: once
 * stopped, they would stop the job too. Who asked is told why. */
HANDLER(enter_ptrace)
{
	if (tracee->stop.args[0] != PTRACE_TRACEME &&
	    is_our_own((pid_t)tracee->stop.args[1])) {
		notice_no_tracer(run);
		return tracee_answer(tracee, -EPERM);
	}
	tracee->stop.leave = leave_ptrace;
	return VERDICT_AT_EXIT;
}
