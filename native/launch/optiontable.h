/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run's options: one row each, from which they are parsed and explained.
 * --help is printed from it; man pages and completions are made from --help. */
#ifndef LAUNCH_OPTIONTABLE_H
#define LAUNCH_OPTIONTABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/options.h"

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_LIST,
	OPTION_COUNT,
	OPTION_FIRST, /* the first word, or not at all: launch/command.h takes it */
	OPTION_LATER, /* part of the contract, not of this version */
	OPTION_LATER_TEXT
};

/* Headings of the help; rows of one stand together. */
enum option_group {
	GROUP_NONE,
	GROUP_OPEN,
	GROUP_KEEP,
	GROUP_NAMES,
	GROUP_RUN,
	GROUP_TELL
};

struct option_row {
	const char *name; /* without the dashes */
	char letter;	  /* 0: none */
	enum option_kind kind;
	size_t offset; /* in struct options */
	enum option_group group;
	const char *value; /* what the help calls it; in brackets: other words follow */
	const char *help;
	const char *standard; /* what holds without it, where that is a text */
	const char *variable;
	bool inverted; /* the variable's 0 sets the flag */
	bool own_run;  /* an outer run decides it for the commands below */
	bool doctor;   /* --doctor uses it, too */
};

#define OFFSET(field) offsetof(struct options, field)

extern const struct option_row option_rows[];
extern const size_t option_row_count;

#endif
