/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/parrot.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/joining.h"
#include "launch/values.h"

enum { PARROT_LONG = 256 }; /* getopt's numbers of rows: from here on */

static const char *status_file;

bool parrot_is_called(const char *name)
{
	static const char called[] = "interpose_parrot_run";
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash;

	self[length < 0 ? 0 : length] = '\0';
	slash = strrchr(self, '/');
	if (slash && strcmp(slash + 1, called) == 0)
		return true;
	slash = name ? strrchr(name, '/') : NULL;
	return name && strcmp(slash ? slash + 1 : name, called) == 0;
}

int parrot_add(struct parrot *parrot, const char *option, const char *value)
{
	char *text = value ? NULL : strdup(option);

	if (value && asprintf(&text, "%s=%s", option, value) < 0)
		text = NULL;
	if (!text || values_add(&parrot->words, text) < 0)
		return message_no_run(&parrot->messages, ENOMEM);
	return 0;
}

int parrot_add_setting(struct parrot *parrot, const char *name, const char *value)
{
	char *text = NULL;
	int status;

	if (asprintf(&text, "%s=%s", name, value) < 0)
		return message_no_run(&parrot->messages, ENOMEM);
	status = parrot_add(parrot, "--option", text);
	free(text);
	return status;
}

int parrot_usage(struct parrot *parrot, const char *what, const char *where)
{
	return message_fail(&parrot->messages,
			    "%s: %.200s (see interpose_parrot_run --help)", what,
			    where);
}

static int apply_row(struct parrot *parrot, const struct parrot_option *row,
		     const char *value, const char *called)
{
	switch (row->deed) {
	case PARROT_WORD:
		return parrot_add(parrot, row->as, value);
	case PARROT_LOCAL:
		return parrot_add(parrot, row->as, values_absolute(value));
	case PARROT_HANDLED:
		return row->handle(parrot, value);
	case PARROT_SILENT:
		return 0;
	case PARROT_NOTICE:
		break;
	}
	return values_add(&parrot->ignored, called) < 0
		       ? message_no_run(&parrot->messages, ENOMEM)
		       : 0;
}

/* Variables count as if they were given before the command line. */
static int apply_variables(struct parrot *parrot)
{
	int status = 0;

	for (unsigned int i = 0; i < parrot_option_count && status == 0; i++) {
		const struct parrot_option *row = &parrot_options[i];
		const char *value = row->variable ? getenv(row->variable) : NULL;

		if (value && value[0])
			status = apply_row(parrot, row, value, row->variable);
	}
	return status;
}

/* ---- the command line ---- */

static char letters[2 * PARROT_LONG] = "+:";
static struct option longs[PARROT_LONG];

static void fill_options(void)
{
	size_t used = strlen(letters), count = 0;

	for (unsigned int i = 0; i < parrot_option_count; i++) {
		const struct parrot_option *row = &parrot_options[i];

		if (row->letter)
			letters[used++] = row->letter;
		if (row->letter && row->value)
			letters[used++] = ':';
		if (row->name)
			longs[count++] = (struct option){
				row->name, row->value ? required_argument : no_argument,
				NULL, PARROT_LONG + (int)i};
	}
}

static const struct parrot_option *row_by(int found)
{
	if (found >= PARROT_LONG)
		return &parrot_options[found - PARROT_LONG];
	for (unsigned int i = 0; i < parrot_option_count; i++) {
		if (parrot_options[i].letter == found)
			return &parrot_options[i];
	}
	return NULL;
}

static int apply_words(struct parrot *parrot, int argc, char **argv)
{
	int status = 0, found;

	fill_options();
	opterr = 0;
	while (status == 0 && !parrot->ended &&
	       (found = getopt_long(argc, argv, letters, longs, NULL)) >= 0) {
		const struct parrot_option *row = row_by(found);
		const char *word = argv[optind - 1];

		if (found == ':')
			status = parrot_usage(parrot, "option needs a value", word);
		else if (!row)
			status = parrot_usage(parrot, "unknown option", word);
		else
			status = apply_row(parrot, row, optarg,
					   optarg == word ? argv[optind - 2] : word);
	}
	return status;
}

/* ---- what neither says ---- */

/* The repositories that Parrot knows by itself may be the host's. */
static bool tries_host(void)
{
	const char *repositories = getenv("PARROT_CVMFS_REPO");

	return !repositories || strstr(repositories, "<default-repositories>") ||
	       strstr(repositories, "try_local_filesystem");
}

static int apply_defaults(struct parrot *parrot)
{
	const char *proxy = getenv("HTTP_PROXY");
	int status = 0;

	if (tries_host() && !joining_is_inside()) /* the outer run has decided it */
		status = parrot_add(parrot, "--prefer-host", NULL);

	/* Beside PARROT_CVMFS_REPO the resolver knows it. */
	if (status == 0 && proxy && proxy[0] && !parrot->proxy &&
	    !getenv("PARROT_CVMFS_REPO"))
		status = parrot_proxy(parrot, proxy);
	if (setenv("PARROT_ENABLED", "TRUE", 1) < 0)
		status = message_no_run(&parrot->messages, ENOMEM);
	return status;
}

static void tell_ignored(const struct parrot *parrot)
{
	char text[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < parrot->ignored.count && used < sizeof(text) - 64; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.40s",
					 i ? ", " : "", parrot->ignored.items[i]);
	if (used)
		message_notice(&parrot->messages,
			       "without a meaning here, and ignored: %s", text);
}

/* In the directory of -w, which may be one that only the job sees. */
static int add_command(struct parrot *parrot, char **command)
{
	static const char *const shell[] = {"/bin/sh", "-c",
					    "cd -- \"$0\" && exec \"$@\""};
	int error = values_add(&parrot->words, "--");

	if (parrot->directory && *command) {
		for (size_t i = 0; i < sizeof(shell) / sizeof(shell[0]); i++)
			error |= values_add(&parrot->words, shell[i]);
		error |= values_add(&parrot->words, parrot->directory);
	}
	while (*command)
		error |= values_add(&parrot->words, *command++);
	error |= values_add(&parrot->words, NULL);
	return error ? message_no_run(&parrot->messages, ENOMEM) : 0;
}

bool parrot_translate(int *argc, char ***argv, int *ret_status)
{
	struct parrot parrot = {.messages = {.fd = STDERR_FILENO}};
	int status = 0;

	if (values_add(&parrot.words, (*argv)[0]) < 0)
		status = message_no_run(&parrot.messages, ENOMEM);
	if (status == 0)
		status = apply_variables(&parrot);
	if (status == 0)
		status = apply_words(&parrot, *argc, *argv);
	if (status == 0 && !parrot.ended)
		status = apply_defaults(&parrot);
	if (status == 0 && !parrot.ended)
		status = add_command(&parrot, *argv + optind);
	*ret_status = status;
	if (status || parrot.ended)
		return true;
	tell_ignored(&parrot);
	free(parrot.ignored.items);
	status_file = parrot.status_file;
	*argc = (int)parrot.words.count - 1;
	*argv = (char **)parrot.words.items;
	return false;
}

void parrot_tell(const struct front_result *result)
{
	FILE *file = status_file ? fopen(status_file, "we") : NULL;

	if (!file)
		return;
	if (result->signal)
		fprintf(file, "abnormal\n%d\n", result->signal);
	else if (result->status == STATUS_NOT_FOUND)
		fprintf(file, "noexec\n%d\n", ENOENT);
	else if (result->status == STATUS_NOT_EXECUTABLE)
		fprintf(file, "noexec\n%d\n", EACCES);
	else
		fprintf(file, "%s\n%d\n", result->ours ? "noattach" : "normal",
			result->status);
	fclose(file);
}
