/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/doctoring.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "doctor/writer.h"
#include "launch/asking.h"
#include "launch/base.h"
#include "launch/help.h"
#include "launch/python.h"

extern char **environ;

enum { STATUS_NO = 1, STATUS_USAGE = 2 };

/* As it is printed: "interpose_run 0.1.0" without the first word and the end. */
static void own_version(char *ret_version, size_t size)
{
	const char *number = strchr(options_version, ' ') + 1;

	snprintf(ret_version, size, "%.*s", (int)strcspn(number, "\n"), number);
}

/* Finds are printed as they come; a program reads them all at once. */
static void tell_from(const struct options *options, const struct findings *findings,
		      size_t first)
{
	if (options->json || options->classad)
		return;
	for (size_t i = first; i < findings->count; i++)
		writer_text(stdout, &findings->list[i]);
	fflush(stdout);
}

static void tell_end(const struct options *options, const struct findings *findings)
{
	char version[32];

	own_version(version, sizeof(version));
	if (options->json)
		writer_json(stdout, findings, version);
	else if (options->classad)
		writer_classad(stdout, findings, version);
	else
		writer_sum(stdout, findings);
}

static void look_at_own_places(const struct options *options, struct doctor_node *node,
			       struct findings *findings)
{
	char cache[PATH_MAX];

	if (base_of_cache(options->cache, (const char *const *)environ, cache) < 0)
		cache[0] = '\0';
	node->place = cache;
	doctor_examine(doctor_row("cache"), node, findings);
	node->place = options->alien_cache ? options->alien_cache : "";
	doctor_examine(doctor_row("alien cache"), node, findings);
	node->place = "";
}

static void look_at_all(struct launch *launch, struct findings *findings)
{
	const struct options *options = &launch->options;
	const char *base = base_choose(&launch->messages, options->scratch);
	struct python python = {.path = ""};
	struct doctor_node node = {.scratch = base		 ? base
					      : options->scratch ? options->scratch
								 : "",
				   .memory = base ? base_of_memory(base) : NULL,
				   .python = python.path,
				   .python_problem =
					   "no Python found: beside interpose_run",
				   .python_advice = doctor_row("python")->advice,
				   .place = ""};
	struct asking asking = {.options = options, .node = &node, .python = &python};

	if (python_find(options->cache, NULL, &python) < 0)
		python.path[0] = '\0';
	if (python_is_packed())
		node.python = "that of this file";
	if (!python.path[0] && access("/proc/self/exe", F_OK) < 0) {
		node.python_problem =
			"not found: where interpose_run is, is not known without /proc";
		node.python_advice = doctor_row("proc")->advice;
	}
	for (size_t i = 0; i < doctor_row_count; i++) {
		size_t known = findings->count;

		doctor_examine(&doctor_rows[i], &node, findings);
		tell_from(options, findings, known);
	}
	asking.findings = findings;
	asking.tell = tell_from;
	asking_run(&asking);
	if (!asking.placed) {
		size_t known = findings->count;

		look_at_own_places(options, &node, findings);
		tell_from(options, findings, known);
	}
}

int doctoring_run(struct launch *launch)
{
	struct findings findings = {0};
	sigset_t mask;
	int status;

	if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
		return message_fail(&launch->messages,
				    "cannot write: standard output: %s",
				    strerror(errno));
	sigprocmask(SIG_BLOCK, NULL, &mask);
	/* The limits are those of a run; what fails is a row. */
	heritage_take(&launch->heritage);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	look_at_all(launch, &findings);
	tell_end(&launch->options, &findings);
	status = findings_worst(&findings, true) == LEVEL_NO ? STATUS_NO : 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		status = message_fail(&launch->messages,
				      "cannot write: standard output: %s",
				      strerror(errno));
	findings_deinit(&findings);
	return status;
}

int doctoring_of_interpose(int argc, char **argv, int at)
{
	static struct launch launch = {.messages = {.fd = STDERR_FILENO}};
	static char option[] = "--doctor";
	char complaint[OPTIONS_COMPLAINT_SIZE] = "out of memory";

	/* Its options come behind the one that gives the words a meaning. */
	memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof(*argv));
	argv[1] = option;
	if (options_parse(argc, argv, &launch.options, complaint) < 0) {
		message_fail(&launch.messages, "%s", complaint);
		return STATUS_USAGE;
	}
	if (launch.options.help || launch.options.version)
		return help_print(&launch.messages, &launch.options);
	launch.messages.quiet = launch.options.quiet;
	launch.messages.verbose = launch.options.verbose;
	return doctoring_run(&launch);
}
