/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run does with its job is done once with a child: ptrace, a filter, memory. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "cleanup.h"
#include "doctor/doctor.h"
#include "path/prefix.h"
#include "syscalls/watching.h"
#include "tracee/kernel.h"
#include "tracee/memory.h"
#include "tracer/filter.h"

static const char yama_file[] = "/proc/sys/kernel/yama/ptrace_scope";
/* Where a child has its copy of it. */
static const char sample[] = "as a job's path";

/* A child that waits at its gate, as a job does. */
struct trial {
	pid_t pid;
	int gate_fd;
};

static _Noreturn void trial_child(int gate_fd, const struct sock_fprog *filter)
{
	int error = 0;
	char go;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (read(gate_fd, &go, 1) != 1 || !filter)
		_exit(0);
	error = -filter_install(filter);
	if (error == 0)
		close(open(PREFIX_REPOSITORIES, O_PATH | O_CLOEXEC));
	_exit(error);
}

static int trial_begin(struct trial *trial, const struct sock_fprog *filter)
{
	int gate[2];

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	trial->pid = fork();
	if (trial->pid == 0) {
		close(gate[1]);
		trial_child(gate[0], filter);
	}
	close(gate[0]);
	trial->gate_fd = gate[1];
	return trial->pid < 0 ? -errno : 0;
}

static int trial_seize(const struct trial *trial)
{
	const long wanted = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP;

	return ptrace(PTRACE_SEIZE, trial->pid, 0, wanted) < 0 ? -errno : 0;
}

static void trial_end(struct trial *trial)
{
	close(trial->gate_fd);
	if (trial->pid <= 0)
		return;
	kill(trial->pid, SIGKILL);
	waitpid(trial->pid, NULL, __WALL);
}

/* One line of a small file of /proc; "" if it cannot be read. */
static void read_line(const char *path, const char *field, char *ret_line, int size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	ret_line[0] = '\0';
	while (file && fgets(ret_line, size, file) &&
	       strncmp(ret_line, field, strlen(field)) != 0)
		ret_line[0] = '\0';
	ret_line[strcspn(ret_line, "\n")] = '\0';
}

static int tracer_of(pid_t pid)
{
	static const char field[] = "TracerPid:";
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	read_line(path, field, line, sizeof(line));
	return line[0] ? atoi(line + strlen(field)) : 0;
}

static void why_traced(int tracer, char *ret_text, size_t size)
{
	snprintf(ret_text, size,
		 "interpose_run is traced itself, by process %d: a process has one "
		 "tracer, and the job's is interpose_run",
		 tracer);
}

static void why_yama(char scope, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "ptrace is not allowed on this node: %s is %c",
		 yama_file, scope);
}

const char *doctor_why_refused(pid_t pid, int error, char *ret_text, size_t size)
{
	int tracer = tracer_of(pid);
	char scope[16];

	read_line(yama_file, "", scope, sizeof(scope));
	if (tracer) {
		why_traced(tracer, ret_text, size);
		return "traced";
	}
	if (scope[0] >= '2') {
		why_yama(scope[0], ret_text, size);
		return "yama";
	}
	snprintf(ret_text, size, "ptrace is refused: %s", strerror(-error));
	return "ptrace";
}

/* 0, or why the child cannot be traced, and the row that says so. */
static int try_ptrace(char *ret_text, size_t size, const char **ret_row)
{
	struct trial trial;
	int error = trial_begin(&trial, NULL);

	*ret_row = "processes";
	if (error < 0) {
		snprintf(ret_text, size, "not tried, no child: %s", strerror(-error));
		return error;
	}
	error = trial_seize(&trial);
	if (error < 0)
		*ret_row = doctor_why_refused(trial.pid, error, ret_text, size);
	trial_end(&trial);
	return error;
}

void look_at_tracers(const struct doctor_node *node, struct finding *finding)
{
	char text[256];
	const char *row;
	int tracer = tracer_of(getpid());

	(void)node;
	if (try_ptrace(text, sizeof(text), &row) < 0 && strcmp(row, "traced") == 0)
		finding_say(finding, LEVEL_NO, "%s", text);
	else if (tracer)
		finding_say(finding, LEVEL_OK, "by process %d, its children are not",
			    tracer);
	else
		finding_say(finding, LEVEL_OK, "by nobody");
}

void look_at_yama(const struct doctor_node *node, struct finding *finding)
{
	char text[256], scope[16];
	const char *row;

	(void)node;
	read_line(yama_file, "", scope, sizeof(scope));
	if (!scope[0])
		finding_say(finding, LEVEL_OK, "no limit is known to /proc");
	else if (scope[0] >= '2' && try_ptrace(text, sizeof(text), &row) < 0)
		finding_say(finding, LEVEL_NO, "%s", text);
	else
		finding_say(finding, LEVEL_OK, "%s is %c, a child may be traced",
			    yama_file, scope[0]);
	if (scope[0])
		finding_number(finding, "scope", scope[0] - '0');
}

void look_at_ptrace(const struct doctor_node *node, struct finding *finding)
{
	char text[256];
	const char *row;

	(void)node;
	if (try_ptrace(text, sizeof(text), &row) == 0) {
		finding_say(finding, LEVEL_OK, "a child can be traced");
		return;
	}
	finding_say(finding, LEVEL_NO, "%s", text);
	finding_advise(finding, "%s", doctor_row(row)->advice);
}

/* Does the filter stop the child's call? Says what it does instead. */
static void try_filter(const struct sock_fprog *filter, struct finding *finding)
{
	struct trial trial;
	int status = 0, error = trial_begin(&trial, filter);
	bool traced = error == 0 && trial_seize(&trial) == 0;

	if (error == 0 && write(trial.gate_fd, "", 1) == 1)
		waitpid(trial.pid, &status, __WALL);
	if (error < 0)
		finding_say(finding, LEVEL_NO, "not tried, no child: %s",
			    strerror(-error));
	else if (WIFEXITED(status) && WEXITSTATUS(status))
		finding_say(finding, LEVEL_NO,
			    "the kernel refuses a seccomp filter: %s",
			    strerror(WEXITSTATUS(status)));
	else if (traced && status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
		finding_say(finding, LEVEL_NO,
			    "a filter does not stop a child's open (%#x): another one "
			    "goes before it",
			    (unsigned int)status);
	else
		finding_say(finding, LEVEL_OK, "a filter %s",
			    traced ? "stops a child's calls" : "can be installed");
	if (error == 0 && WIFEXITED(status))
		trial.pid = 0; /* is reaped */
	trial_end(&trial);
}

void look_at_seccomp(const struct doctor_node *node, struct finding *finding)
{
	int there = kernel_filters(getpid());
	struct sock_fprog filter;

	(void)node;
	if (filter_build(syscall_tables, false, 0, &filter) < 0) {
		finding_say(finding, LEVEL_NO, "not tried: no memory");
		return;
	}
	try_filter(&filter, finding);
	if (there > 0)
		finding_say(finding, LEVEL_OK,
			    "%d %s here already (a container's profile?), each call "
			    "passes all of them",
			    there, there == 1 ? "filter is" : "filters are");
	if (there >= 0)
		finding_number(finding, "filters", there);
	free(filter.filter);
}

/* 0, or the error of process_vm_readv. */
static int try_process_vm(const struct trial *trial)
{
	char copy[sizeof(sample)] = "";
	const struct memory_part part = {trial->pid, (uintptr_t)sample, copy,
					 sizeof(copy), false};
	ssize_t moved = memory_move_directly(&part);

	if (moved < 0)
		return (int)moved;
	return memcmp(copy, sample, sizeof(sample)) == 0 ? 0 : -EIO;
}

static bool try_mem_file(const struct trial *trial)
{
	char copy[sizeof(sample)] = "";
	_cleanup_close_ int fd = memory_open(trial->pid);
	ssize_t got =
		fd < 0 ? -1 : pread(fd, copy, sizeof(copy), (off_t)(uintptr_t)sample);

	return got == (ssize_t)sizeof(copy) &&
	       memcmp(copy, sample, sizeof(sample)) == 0;
}

void look_at_process_vm(const struct doctor_node *node, struct finding *finding)
{
	struct trial trial;
	int error = trial_begin(&trial, NULL);

	(void)node;
	if (error < 0 || trial_seize(&trial) < 0) {
		trial_end(&trial);
		return; /* other rows say why */
	}
	error = try_process_vm(&trial);
	if (error == 0)
		finding_say(finding, LEVEL_OK, "a child's memory can be read");
	else if (try_mem_file(&trial))
		finding_say(finding, LEVEL_WARNING,
			    "process_vm_readv: %s; /proc/PID/mem is used, which costs "
			    "more for each path",
			    strerror(-error));
	else
		finding_say(finding, LEVEL_NO,
			    "process_vm_readv: %s, and /proc/PID/mem cannot be read",
			    strerror(-error));
	trial_end(&trial);
}
