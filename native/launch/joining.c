/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run below another one: a process has one tracer, so the command joins the
 * outer run, whose /cvmfs it sees, if that has what it asks for or takes it in. */
#define _GNU_SOURCE 1
#include "launch/joining.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "launch/counted.h"
#include "path/prefix.h"
#include "syscalls/syscalls.h"
#include "tracer/inner.h"

enum { TEXT_SIZE = 128 * 1024 };

/* What the run around is asked to take in. */
struct request {
	char text[INSIDE_TEXT_SIZE];
	size_t used;
	bool full;
};

bool joining_is_inside(void)
{
	return prctl(SYSCALLS_HYPERCALL, INSIDE_ASK, 0, 0, 0) >= 0;
}

static void request_put(struct request *request, const char *entry)
{
	size_t size = strlen(entry) + 1;

	request->full |= size > sizeof(request->text) - request->used;
	if (request->full)
		return;
	memcpy(request->text + request->used, entry, size);
	request->used += size;
}

/* Names of files are meant from here. */
static void request_put_directory(struct request *request)
{
	char text[sizeof("directory=") + PATH_MAX] = "directory=";

	if (getcwd(text + strlen(text), PATH_MAX))
		request_put(request, text);
	else
		request->full = true;
}

static bool is_listed(const char *text, size_t size, const char *entry)
{
	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		if (strcmp(text + at, entry) == 0)
			return true;
	return false;
}

/* The value that `text` has for the name of `entry`; NULL: none. */
static const char *listed_value(const char *text, size_t size, const char *entry)
{
	size_t name = strcspn(entry, "=") + 1;

	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		if (strncmp(text + at, entry, name) == 0)
			return text + at + name;
	return NULL;
}

static bool is_kind(const char *entry, const char *kind)
{
	size_t length = strlen(kind);

	return strncmp(entry, kind, length) == 0 && entry[length] == '=';
}

/* What a resolver can take in while it runs. */
static bool can_be_added(const char *entry)
{
	return is_kind(entry, "repository") || is_kind(entry, "config") ||
	       is_kind(entry, "option");
}

/* A repository that is only named may be one of the outer run's. */
static bool can_be_opened(const char *entry)
{
	char path[512] = PREFIX_REPOSITORIES "/";
	struct stat status;

	if (!is_kind(entry, "repository"))
		return false;
	entry += strcspn(entry, "=") + 1;
	if (strpbrk(entry, "@=,") || strlen(entry) > 255)
		return false;
	strcat(path, entry);
	return stat(path, &status) == 0;
}

static int differs(const struct launch *launch, const char *entry, const char *outer)
{
	int name = (int)strcspn(entry, "=");

	if (!outer)
		return message_fail(&launch->messages,
				    "another interpose_run is around this one, without "
				    "this option: --%.*s %.300s (give it to the outer "
				    "one)",
				    name, entry, entry + name + 1);
	return message_fail(&launch->messages,
			    "another interpose_run is around this one, with another "
			    "value: --%.*s %.300s (it has %.300s; give it to the outer "
			    "one)",
			    name, entry, entry + name + 1, outer);
}

/* 0, or the status after a line that names what stands against it. */
static int add(const struct launch *launch, const struct request *request)
{
	static char line[INSIDE_REPLY_SIZE];
	long size;

	memset(line, 0, sizeof(line)); /* the tracer shall find it in memory */
	size = prctl(SYSCALLS_HYPERCALL, INSIDE_ADD, request->text, request->used,
		     line);
	if (size == 0)
		return 0;
	if (size > 0)
		return message_fail(&launch->messages, "%s", line);
	if (errno == EPERM)
		return message_fail(
			&launch->messages,
			"another interpose_run is around this one, of another user or "
			"with another root: it takes no --repository, --config, "
			"--option (give them to the outer one)");
	return message_fail(&launch->messages,
			    "another interpose_run is around this one, and takes in no "
			    "--repository, --config, --option now: %s",
			    strerror(errno));
}

/* The same for all that the command line says. */
static int need_the_same(const struct launch *launch)
{
	static char outer[TEXT_SIZE], mine[TEXT_SIZE];
	static struct request request;
	long size = prctl(SYSCALLS_HYPERCALL, INSIDE_DESCRIBE, outer, sizeof(outer), 0);
	size_t known = size < 0 ? 0 : (size_t)size;
	size_t used = options_describe(&launch->options, true, mine, sizeof(mine));
	bool is_new = false;

	for (size_t at = 0; at < used; at += strlen(mine + at) + 1) {
		const char *entry = mine + at;

		if (can_be_added(entry)) {
			request_put(&request, entry);
			is_new |= !is_listed(outer, known, entry) &&
				  !can_be_opened(entry);
		} else if (!is_listed(outer, known, entry) &&
			   !is_kind(entry, "stats")) {
			return differs(launch, entry,
				       listed_value(outer, known, entry));
		}
	}
	if (!is_new)
		return 0;
	request_put_directory(&request);
	if (request.full)
		return message_fail(&launch->messages,
				    "too many options for a run in another one (give "
				    "them to the outer one)");
	return add(launch, &request);
}

int joining_execute(const struct launch *launch)
{
	const char *command = launch->options.command[0];
	int error = job_exec(&launch->heritage, launch->options.command);

	if (error == -ENOENT)
		message_fail(&launch->messages, "command not found: %s", command);
	else
		message_fail(&launch->messages, "cannot execute: %s: %s", command,
			     strerror(-error));
	if (error == -EIO)
		return STATUS_OURS;
	return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

/* While the run around opens what is new, which may last, signals do what they do to
 * everybody; otherwise they wait for who is there for them. */
static int need_the_same_with_signals(const struct launch *launch)
{
	uint64_t blocked;
	int status;

	syscall(__NR_rt_sigprocmask, SIG_SETMASK, &launch->heritage.mask, &blocked,
		sizeof(blocked));
	status = need_the_same(launch);
	syscall(__NR_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, sizeof(blocked));
	return status;
}

struct front_result joining_run(struct launch *launch)
{
	struct front_result result = {0};

	if (launch->options.stats)
		counted_begin();
	result.status = need_the_same_with_signals(launch);
	result.ours = result.status != 0;
	if (result.ours)
		return result;
	if (launch->options.stats)
		return counted_run(launch);
	result.status = joining_execute(launch);
	return result;
}
