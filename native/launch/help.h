/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --help prints: texts around the table of options. */
#ifndef LAUNCH_HELP_H
#define LAUNCH_HELP_H

#include <stdio.h>

#include "launch/messages.h"
#include "launch/options.h"

/* One option as the help shows it; what is NULL or 0 is not there. */
struct help_row {
	char letter;
	const char *name; /* without the dashes */
	const char *value;
	const char *text;
	const char *note; /* in brackets behind the text */
};

void help_write_row(FILE *out, const struct help_row *row);
/* Words in lines of the help's width, from column `from` on; `at` is where the first
 * line has got to. Gives where the last line ends. */
size_t help_write_words(FILE *out, const char *text, size_t from, size_t at);

/* What --help or --version asked for, on standard output. The exit status. */
int help_print(const struct messages *messages, const struct options *options);

#endif
