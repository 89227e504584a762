/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_parrot_run: parrot_run's command line and variables (docs/parrot.md), as
 * options of interpose_run. */
#ifndef LAUNCH_PARROT_H
#define LAUNCH_PARROT_H

#include <stdbool.h>

#include "launch/launch.h"

/* What is done with an option or variable of Parrot's. */
enum parrot_deed {
	PARROT_WORD,  /* `as`, an option of ours; its value behind it if there is one */
	PARROT_LOCAL, /* a path, made absolute; then as WORD */
	PARROT_HANDLED, /* `handle` */
	PARROT_SILENT,	/* it is so anyhow */
	PARROT_NOTICE	/* it means nothing here, which is told */
};

struct parrot;
/* 0, or the status to end with. */
typedef int (*parrot_handler)(struct parrot *parrot, const char *value);

struct parrot_option {
	const char *name;  /* without the dashes; NULL: none */
	char letter;	   /* 0: none */
	const char *value; /* what the help calls it; NULL: it takes none */
	const char *help;  /* NULL: PARROT_NOTICE */
	const char *variable;
	enum parrot_deed deed;
	const char *as;
	parrot_handler handle;
};

extern const struct parrot_option parrot_options[];
extern const unsigned int parrot_option_count;

struct parrot {
	struct messages messages;
	struct text_list words;	  /* of interpose_run */
	struct text_list ignored; /* names for the notice */
	const char *directory;	  /* -w */
	const char *status_file;  /* -c */
	bool proxy, ended;	  /* ended: nothing is to be run */
};

/* parrothandlers.c */
int parrot_cvmfs_config(struct parrot *parrot, const char *value);
int parrot_debug(struct parrot *parrot, const char *value);
int parrot_debug_file(struct parrot *parrot, const char *value);
int parrot_driver(struct parrot *parrot, const char *value);
int parrot_environment(struct parrot *parrot, const char *value);
int parrot_help(struct parrot *parrot, const char *value);
int parrot_loader(struct parrot *parrot, const char *value);
int parrot_mountlist(struct parrot *parrot, const char *value);
int parrot_option_file(struct parrot *parrot, const char *value);
int parrot_proxy(struct parrot *parrot, const char *value);
int parrot_repositories(struct parrot *parrot, const char *value);
int parrot_running(struct parrot *parrot, const char *value);
int parrot_service(struct parrot *parrot, const char *value);
int parrot_status(struct parrot *parrot, const char *value);
int parrot_temporary(struct parrot *parrot, const char *value);
int parrot_timeout(struct parrot *parrot, const char *value);
int parrot_version(struct parrot *parrot, const char *value);
int parrot_work(struct parrot *parrot, const char *value);

/* Texts live as long as the process. */
int parrot_add(struct parrot *parrot, const char *option, const char *value);
int parrot_add_setting(struct parrot *parrot, const char *name, const char *value);
int parrot_usage(struct parrot *parrot, const char *what, const char *where);

/* Is this program called so? Then *argc and *argv become interpose_run's; true: *status
 * is what it ends with. */
bool parrot_is_called(const char *name);
bool parrot_translate(int *argc, char ***argv, int *ret_status);
/* The file of -c, if there is one. */
void parrot_tell(const struct front_result *result);

#endif
