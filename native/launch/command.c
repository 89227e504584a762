/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/command.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle/bundle.h"
#include "doctor/doctor.h"
#include "launch/base.h"
#include "launch/doctoring.h"
#include "launch/helper.h"
#include "launch/launch.h"
#include "launch/messages.h"
#include "launch/python.h"
#include "run/scratch.h"

static const struct messages messages = {.fd = STDERR_FILENO};

/* `python -I -m MODULE` with the words of a command behind it. To be freed. */
static char **command_arguments(char *module, char **argv)
{
	static char option[] = "-m";
	size_t count = 0;
	char **arguments;

	while (argv[count])
		count++;
	arguments = calloc(count + 2, sizeof(*arguments));
	if (!arguments)
		return NULL;
	arguments[0] = option;
	arguments[1] = module;
	if (count > 1)
		memcpy(arguments + 2, argv + 1, (count - 1) * sizeof(*arguments));
	return arguments;
}

static volatile sig_atomic_t child;

static void command_pass_on(int number)
{
	if (child > 0)
		kill((pid_t)child, number);
}

/* What a terminal sends reaches the child anyway. */
static void command_pass_signals_on(void)
{
	static const int numbers[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT};
	struct sigaction action = {.sa_handler = command_pass_on,
				   .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

/* Where no cache can be used, it lives in a scratch, and somebody has to remove that.
 */
static int command_in_scratch(char *const arguments[], char *const environment[],
			      char *complaint, size_t size)
{
	static struct scratch scratch;
	const char *base = base_choose(&messages, getenv("INTERPOSE_SCRATCH"));
	const struct bundle_places places = {.scratch = scratch.path};
	struct front_result result = {0};
	sigset_t all, before;
	int status = 0;

	if (!base || scratch_create(base, SCRATCH_OF_RUN, &scratch) < 0)
		return message_fail(&messages, "%s",
				    *complaint ? complaint
					       : "no directory to unpack Python in "
						 "(choose one: INTERPOSE_CACHE or "
						 "INTERPOSE_SCRATCH)");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		bundle_become(&places, arguments, environment, complaint, size);
		_exit(message_fail(&messages, "%s", complaint));
	}
	command_pass_signals_on();
	sigprocmask(SIG_SETMASK, &before, NULL);
	while (child > 0 && waitpid((pid_t)child, &status, 0) < 0 && errno == EINTR)
		;
	scratch_remove(&scratch);
	if (child < 0)
		return message_fail(&messages, "cannot start a process: %s",
				    strerror(EAGAIN));
	result.status = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_OURS;
	result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	front_end(&result);
}

static int command_packed(struct python *python, char *const arguments[],
			  char *const environment[])
{
	static char complaint[2 * PATH_MAX];
	const struct bundle_places places = {.cache = python->cache};

	if (python->cache[0])
		bundle_become(&places, arguments, environment, complaint,
			      sizeof(complaint));
	return command_in_scratch(arguments, environment, complaint, sizeof(complaint));
}

static int command_run(char *module, char **argv)
{
	static struct python python;
	char **arguments = command_arguments(module, argv);
	char **environment = helper_environment();
	struct helper_lack lack;
	char **words;

	if (!arguments || !environment)
		return message_fail(&messages, "out of memory");
	if (helper_lacks_memory(HELPER_OPENS_REPOSITORIES, &lack))
		return message_ill(&messages, lack.advice, "Python %s", lack.needs);
	if (python_find(getenv("INTERPOSE_CACHE"), NULL, &python) < 0)
		return message_ill(&messages, doctor_row("python")->advice,
				   "no Python found: beside interpose");
	if (python_is_packed())
		return command_packed(&python, arguments, environment);
	words = python_words(&python, arguments);
	if (!words)
		return message_fail(&messages, "out of memory");
	execve(python.path, words, environment);
	return message_fail(&messages, "cannot execute: %s: %s", python.path,
			    strerror(errno));
}

/* Where the first word is that is no option; where `argv` ends if there is none. */
static int subcommand_at(char **argv)
{
	int at = argv[0] ? 1 : 0;

	while (argv[at] && argv[at][0] == '-')
		at++;
	return at;
}

/* Whether argv[at] is this word. */
static bool is_word(char **argv, int at, const char *word)
{
	return argv[at] && strcmp(argv[at], word) == 0;
}

static int command_interpose(char **argv)
{
	static char module[] = "interpose.commands";
	int at = subcommand_at(argv), argc = at;

	while (argv[argc])
		argc++;
	if (is_word(argv, at, "doctor"))
		return doctoring_of_interpose(argc, argv, at);
	return command_run(module, argv);
}

/* `interpose help NAME` is `interpose NAME --help`. */
static void turn_help(char **argv)
{
	static char option[] = "--help";
	int at = subcommand_at(argv);
	char *name;

	if (!is_word(argv, at, "help"))
		return;
	name = argv[at + 1];
	if (!name || name[0] == '-' || strcmp(name, "help") == 0) {
		argv[at] = option;
		argv[at + 1] = NULL;
	} else {
		argv[at] = name;
		argv[at + 1] = option;
	}
}

/* `interpose run WORDS` is `interpose_run WORDS`: then *argv is as of that. */
static bool turn_run(char ***argv)
{
	int at = subcommand_at(*argv);

	if (!is_word(*argv, at, "run"))
		return false;
	memmove(*argv + 2, *argv + 1, (size_t)(at - 1) * sizeof(**argv));
	++*argv;
	return true;
}

/* A further name is one more row. */
static const struct {
	const char *name;
	command_main *main;
} command_rows[] = {
	{"interpose_run", NULL},
	{"interpose", command_interpose},
	{"interpose_parrot_run", NULL}, /* a run with other words: launch/parrot.h */
};

static int command_row(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(command_rows) / sizeof(command_rows[0]); i++)
		if (name && strcmp(command_rows[i].name, name) == 0)
			return (int)i;
	return -1;
}

command_main *command_called(int argc, char ***argv)
{
	char self[PATH_MAX];
	int row = argc > 0 ? command_row((*argv)[0]) : -1;
	ssize_t length = -1;

	/* A link of any name, or a batch system's: what it leads to. */
	if (row < 0)
		length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length > 0) {
		self[length] = '\0';
		row = command_row(self);
	}
	if (row <= 0 && argc > 1 && strcmp((*argv)[1], "--tool") == 0) {
		++*argv;
		row = command_row("interpose");
	}
	if (row <= 0 || command_rows[row].main != command_interpose)
		return row <= 0 ? NULL : command_rows[row].main;
	turn_help(*argv);
	return turn_run(argv) ? NULL : command_interpose;
}
