/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run's command line and variables. */
#ifndef LAUNCH_OPTIONS_H
#define LAUNCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_list {
	const char **items;
	size_t count;
};

struct options {
	char **command;		       /* COMMAND ARG... NULL */
	struct text_list repositories; /* -r, as given */
	struct text_list configs;
	struct text_list settings; /* -o NAME=VALUE */
	struct text_list mounts;   /* A=B, or @FILE */
	const char *cache, *alien_cache, *scratch;
	const char *stats, *trace, *log;
	bool trust_cache, offline, refresh, no_prefetch, no_fastpath, wait, quiet,
		prefer_host;
	int verbose;
	int patience_s; /* with a tracer that does not react (launch/watch.h) */
	bool help, version;
	bool doctor, json, classad;
	struct text_list names; /* of --doctor: repositories; there is no COMMAND */
	/* Of the command line, not of the environment: a bit for each row of the table,
	 * and where the own items of lists begin. */
	uint64_t given;
	size_t configs_inherited, mounts_inherited;
};

enum { OPTIONS_COMPLAINT_SIZE = 1024 };

/* Strings of `argv` and the environment are used, not copied. 0; -EINVAL: `complaint`
 * says what is wrong; -ENOMEM. */
int options_parse(int argc, char **argv, struct options *ret_options,
		  char complaint[OPTIONS_COMPLAINT_SIZE]);
/* NUL-ended texts NAME=VALUE of what an outer run decides; `given`: only what the
 * command line says. The bytes used; what finds no room is left out. */
size_t options_describe(const struct options *options, bool given, char *text,
			size_t size);
void options_deinit(struct options *options);

extern const char options_version[];

#endif
