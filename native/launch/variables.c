/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/variables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "launch/watch.h"
#include "tracee/kernel.h"

static int force_fallbacks(char *complaint)
{
	const char *names = getenv("INTERPOSE_FORCE_FALLBACK");
	const char *word;
	size_t size;

	if (!names || kernel_force(names, &word, &size) == 0)
		return 0;
	snprintf(complaint, OPTIONS_COMPLAINT_SIZE,
		 "INTERPOSE_FORCE_FALLBACK: no such feature: %.*s (see "
		 "docs/fallbacks.md)",
		 (int)(size < 100 ? size : 100), word);
	return -EINVAL;
}

static int take_patience(struct options *options, char *complaint)
{
	const char *text = getenv("INTERPOSE_PATIENCE");
	char *end;
	long value;

	options->patience_s = WATCH_PATIENCE_S;
	if (!text || !*text)
		return 0;
	value = strtol(text, &end, 10);
	options->patience_s = (int)value;
	if (!*end && value >= 1 && value <= WATCH_PATIENCE_MOST_S)
		return 0;
	snprintf(complaint, OPTIONS_COMPLAINT_SIZE,
		 "INTERPOSE_PATIENCE: not a number of seconds from 1 to %d: %.100s",
		 WATCH_PATIENCE_MOST_S, text);
	return -EINVAL;
}

int variables_take(struct options *options, char complaint[OPTIONS_COMPLAINT_SIZE])
{
	int error = force_fallbacks(complaint);

	return error < 0 ? error : take_patience(options, complaint);
}
