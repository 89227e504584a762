/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run below another one: a process has one tracer, so the command joins the
 * outer run, whose /cvmfs it sees, if that is what it asks for. */
#define _GNU_SOURCE 1
#include "launch/joining.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/statistics.h"
#include "path/prefix.h"
#include "run/clock.h"

/* A call that no kernel knows and an outer run answers with 0 or more; 2: with the text
 * of options_describe(), copied to the address that follows. */
enum { HYPERCALL = 0x49504f53, ASK = 1, DESCRIBE = 2 };
enum { TEXT_SIZE = 128 * 1024 };

static volatile sig_atomic_t child;

bool joining_is_inside(void)
{
	return prctl(HYPERCALL, ASK, 0, 0, 0) >= 0;
}

static bool is_listed(const char *text, size_t size, const char *entry)
{
	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		if (strcmp(text + at, entry) == 0)
			return true;
	return false;
}

/* A repository that is only named has to be one of the outer run's. */
static bool can_be_opened(const char *entry)
{
	static const char kind[] = "repository=";
	char path[512] = PREFIX_REPOSITORIES "/";
	struct stat status;

	if (strncmp(entry, kind, sizeof(kind) - 1) != 0)
		return false;
	entry += sizeof(kind) - 1;
	if (strpbrk(entry, "@=,") || strlen(entry) > 255)
		return false;
	strcat(path, entry);
	return stat(path, &status) == 0;
}

/* 0, or the status after a line that names the option. */
static int need_the_same(const struct launch *launch)
{
	static char outer[TEXT_SIZE], mine[TEXT_SIZE];
	long size = prctl(HYPERCALL, DESCRIBE, outer, sizeof(outer), 0);
	size_t used = options_describe(&launch->options, true, mine, sizeof(mine));

	for (size_t at = 0; at < used; at += strlen(mine + at) + 1) {
		const char *entry = mine + at;

		if (is_listed(outer, size < 0 ? 0 : (size_t)size, entry) ||
		    strncmp(entry, "stats=", 6) == 0 || can_be_opened(entry))
			continue;
		return message_fail(
			&launch->messages,
			"another interpose_run is around this one, without this "
			"option: --%.*s %.300s (give it to the outer one)",
			(int)strcspn(entry, "="), entry,
			entry + strcspn(entry, "=") + 1);
	}
	return 0;
}

static int explain(const struct launch *launch, int error)
{
	const char *command = launch->options.command[0];

	if (error == -ENOENT)
		message_fail(&launch->messages, "command not found: %s", command);
	else
		message_fail(&launch->messages, "cannot execute: %s: %s", command,
			     strerror(-error));
	if (error == -EIO)
		return STATUS_OURS;
	return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static void pass_on(int number)
{
	if (child > 0)
		kill((pid_t)child, number);
}

/* What was meant for the command reaches it; what a terminal sends reaches it anyway.
 */
static void pass_signals_on(void)
{
	static const int numbers[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT};
	struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

/* The command in a process of its own, so that there is somebody who counts. */
static struct front_result run_counted(struct launch *launch)
{
	struct statistics statistics = {.command = launch->options.command,
					.counters = &launch->run.counters};
	struct front_result result = {0};
	sigset_t all, before;
	int status = 0;
	pid_t pid;

	/* Nothing is lost between the birth of the command and our readiness. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		_exit(explain(launch,
			      job_exec(&launch->heritage, launch->options.command)));
	}
	if (pid < 0) {
		result.ours = true;
		result.status = message_no_run(&launch->messages, errno);
		return result;
	}
	child = pid;
	pass_signals_on();
	sigprocmask(SIG_SETMASK, &before, NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	statistics.wait_status = status;
	statistics.wall_ns = clock_now_ns() - launch->start_ns;
	statistics_add_children(&statistics);
	launch->run.scratch.fd = -1;
	launch->run.counters.processes = 1;
	statistics_write(launch, &statistics);
	result.status = WEXITSTATUS(status);
	result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return result;
}

struct front_result joining_run(struct launch *launch)
{
	struct front_result result = {.status = need_the_same(launch)};

	result.ours = result.status != 0;
	if (result.ours)
		return result;
	if (launch->options.stats)
		return run_counted(launch);
	result.status =
		explain(launch, job_exec(&launch->heritage, launch->options.command));
	return result;
}
