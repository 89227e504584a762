/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/help.h"
#include "launch/joining.h"
#include "launch/parrot.h"
#include "launch/values.h"
#include "path/prefix.h"

enum { PARROT_LINE = 8192 };

extern char **environ;

static char *text_of(const char *first, const char *second)
{
	char *text = NULL;

	return asprintf(&text, "%s%s", first, second) < 0 ? NULL : text;
}

int parrot_mountlist(struct parrot *parrot, const char *value)
{
	return parrot_add(parrot, "--mount", text_of("@", values_absolute(value)));
}

/* Cache and scratch, as there. */
int parrot_temporary(struct parrot *parrot, const char *value)
{
	const char *directory = values_absolute(value);

	if (mkdir(directory, 0777) < 0 && errno != EEXIST)
		return message_fail(&parrot->messages, "cannot make: %s: %s (see -t)",
				    directory, strerror(errno));
	return parrot_add(parrot, "--cache", text_of(directory, "/interpose")) |
	       parrot_add(parrot, "--scratch", directory);
}

int parrot_timeout(struct parrot *parrot, const char *value)
{
	static const char units[] = "smhd";
	static const long lengths[] = {1, 60, 3600, 86400};
	char *end, *text = NULL;
	long count = strtol(value, &end, 10);
	const char *unit = *end ? strchr(units, *end) : units;

	if (end == value || count < 1 || count > 100 * 86400L || !unit ||
	    (*end && end[1]))
		return parrot_usage(parrot, "no time", value);
	if (asprintf(&text, "%ld", count * lengths[unit - units]) < 0)
		return message_no_run(&parrot->messages, ENOMEM);
	return parrot_add_setting(parrot, "CVMFS_TIMEOUT", text) |
	       parrot_add_setting(parrot, "CVMFS_TIMEOUT_DIRECT", text);
}

int parrot_debug(struct parrot *parrot, const char *value)
{
	if (strstr(value, "cvmfs") || strstr(value, "all") || strstr(value, "debug"))
		return parrot_add(parrot, "-vv", NULL);
	return 0;
}

int parrot_debug_file(struct parrot *parrot, const char *value)
{
	return value[0] == ':' ? 0
			       : parrot_add(parrot, "--log", values_absolute(value));
}

int parrot_version(struct parrot *parrot, const char *value)
{
	(void)value;
	parrot->ended = true;
	printf("%s", options_version);
	return 0;
}

static const char help_head[] =
	"Usage: interpose_parrot_run [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"\n"
	"Takes the options and variables of parrot_run, as far as they are about "
	"CernVM-FS,\n"
	"names and files; see docs/parrot.md.\n"
	"\n"
	"Example:\n"
	"  interpose_parrot_run -p DIRECT -M /etc/hosts=$PWD/hosts -- ls "
	"/cvmfs/sft.example.org\n"
	"\n"
	"Options:\n";

/* "-N, --hostname" and the like, without what is not there. */
static void add_name(char *text, size_t size, const char *before,
		     const struct parrot_option *row)
{
	size_t used = strlen(text);

	if (!row->name && !row->letter)
		return;
	snprintf(text + used, size - used, "%s%s%.1s%s%s%s", used ? before : "",
		 row->letter ? "-" : "", row->letter ? &row->letter : "",
		 row->letter && row->name ? " " : "", row->name ? "--" : "",
		 row->name ? row->name : "");
}

int parrot_help(struct parrot *parrot, const char *value)
{
	char ignored[2048] = "";

	(void)value;
	parrot->ended = true;
	fputs(help_head, stdout);
	for (unsigned int i = 0; i < parrot_option_count; i++) {
		const struct parrot_option *row = &parrot_options[i];

		if (row->deed == PARROT_NOTICE)
			add_name(ignored, sizeof(ignored), ", ", row);
		else
			help_write_row(stdout,
				       &(struct help_row){row->letter, row->name,
							  row->value, row->help,
							  row->variable});
	}
	printf("\nTaken, and ignored with one notice:\n");
	help_write_words(stdout, ignored, 0, 0);
	printf(".\n");
	return 0;
}

int parrot_running(struct parrot *parrot, const char *value)
{
	(void)value;
	parrot->ended = true;
	if (!joining_is_inside())
		return 1;
	printf("%s", options_version);
	return 0;
}

int parrot_driver(struct parrot *parrot, const char *value)
{
	bool has = strcmp(value, "cvmfs") == 0 || strcmp(value, "local") == 0;

	parrot->ended = true;
	printf("%s is %s\n", value, has ? "enabled" : "not enabled");
	return has ? 0 : 1;
}

int parrot_status(struct parrot *parrot, const char *value)
{
	parrot->status_file = values_absolute(value);
	return 0;
}

/* Each variable and PWD, ended by NUL. */
int parrot_environment(struct parrot *parrot, const char *value)
{
	int fd = open(value, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	char *cwd = getcwd(NULL, 0);
	bool failed = !file || !cwd;

	for (char **at = environ; !failed && *at; at++)
		failed = fprintf(file, "%s%c", *at, '\0') < 0;
	failed = failed || fprintf(file, "PWD=%s%c", cwd, '\0') < 0;
	free(cwd);
	if (file && fclose(file) != 0)
		failed = true;
	if (!failed)
		return 0;
	return message_fail(&parrot->messages, "cannot write: %s: %s (see -e)", value,
			    strerror(errno));
}

int parrot_work(struct parrot *parrot, const char *value)
{
	parrot->directory = value;
	return 0;
}

/* What programs name as their interpreter is another one. */
int parrot_loader(struct parrot *parrot, const char *value)
{
#ifdef __x86_64__
	static const char loader[] = "/lib64/ld-linux-x86-64.so.2=";
#else
	static const char loader[] = "/lib/ld-linux-aarch64.so.1=";
#endif

	return parrot_add(parrot, "--mount", text_of(loader, values_absolute(value)));
}

int parrot_service(struct parrot *parrot, const char *value)
{
	if (strcmp(value, "cvmfs") != 0)
		return 0;
	return parrot_add(parrot, "--mount", PREFIX_REPOSITORIES "=LOCAL");
}

int parrot_proxy(struct parrot *parrot, const char *value)
{
	parrot->proxy = true;
	return parrot_add_setting(parrot, "CVMFS_HTTP_PROXY", value);
}

/* The resolver reads it. */
int parrot_repositories(struct parrot *parrot, const char *value)
{
	if (setenv("PARROT_CVMFS_REPO", value, 1) < 0)
		return message_no_run(&parrot->messages, errno);
	return 0;
}

/* NAME=VALUE lines, quotes around VALUE. */
int parrot_option_file(struct parrot *parrot, const char *value)
{
	FILE *file = fopen(value, "re");
	char line[PARROT_LINE];
	int status = 0;

	if (!file)
		return message_fail(&parrot->messages, "cannot read: %s: %s", value,
				    strerror(errno));
	while (status == 0 && fgets(line, sizeof(line), file)) {
		char *name = line + strspn(line, " \t"), *equals;
		size_t len = strcspn(name, "\r\n");

		name[len] = '\0';
		equals = strchr(name, '=');
		if (!name[0] || name[0] == '#')
			continue;
		if (!equals || equals == name) {
			status = parrot_usage(parrot, "not of the form NAME=VALUE",
					      name);
			continue;
		}
		*equals++ = '\0';
		len = strlen(equals);
		if (len > 1 && strchr("\"'", equals[0]) &&
		    equals[len - 1] == equals[0]) {
			equals[len - 1] = '\0';
			equals++;
		}
		status = parrot_add_setting(parrot, name, equals);
	}
	fclose(file);
	return status;
}

/* The options of old libcvmfs, with commas between; caches alone have a meaning. */
int parrot_cvmfs_config(struct parrot *parrot, const char *value)
{
	char *copy = strdup(value), *rest = NULL;
	int status = copy ? 0 : message_no_run(&parrot->messages, ENOMEM);

	for (char *item = copy ? strtok_r(copy, ",", &rest) : NULL; item && status == 0;
	     item = strtok_r(NULL, ",", &rest)) {
		char *path = strchr(item, '=');

		if (!path)
			continue;
		*path++ = '\0';
		if (strcmp(item, "cache_directory") == 0 ||
		    strcmp(item, "cachedir") == 0)
			status = parrot_add(parrot, "--cache", values_absolute(path));
		else if (strcmp(item, "alien_cachedir") == 0 ||
			 strcmp(item, "alien_cache") == 0)
			status = parrot_add(parrot, "--alien-cache",
					    values_absolute(path));
	}
	return status;
}
