/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/mounting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/prefixes.h"

enum { MOUNTING_LINE = 3 * 4096 };

/* Why it is no row; NULL: it was added. */
static const char *mounting_add(struct prefixes *prefixes, const char *path,
				const char *target, int modes)
{
	int error = prefixes_add(prefixes, path, target, (unsigned int)modes);

	if (error == 0)
		return NULL;
	if (error == -EINVAL)
		return "a path must be absolute and without \"..\"";
	return error == -EOPNOTSUPP ? "/ cannot be another directory in this version"
				    : strerror(-error);
}

/* PREFIX MODES, PREFIX TARGET, or PREFIX TARGET MODES (docs/decisions/0017). */
static const char *mounting_line(struct prefixes *prefixes, char *line)
{
	static const char blanks[] = " \t\r\n";
	char *rest = NULL, *path = strtok_r(line, blanks, &rest);
	char *target = path ? strtok_r(NULL, blanks, &rest) : NULL;
	char *letters = target ? strtok_r(NULL, blanks, &rest) : NULL;
	int modes = PREFIX_ALL;

	if (!path)
		return NULL;
	if (!target)
		return "a target or modes are missing";
	if (letters) {
		modes = prefixes_modes(letters);
		if (modes < 0)
			return "modes are letters of rwx";
	} else if (prefixes_modes(target) >= 0) {
		modes = prefixes_modes(target);
		target = NULL;
	}
	if (strpbrk(path, "*?["))
		return "patterns are not in this version";
	if (target && (strncmp(target, "resolver:", 9) == 0 ||
		       strncmp(target, "lcache:", 7) == 0))
		return "targets are paths, DENY, ENOENT or LOCAL";
	return mounting_add(prefixes, path, target, modes);
}

static int mounting_file(const struct messages *messages, struct prefixes *prefixes,
			 const char *name)
{
	FILE *file = fopen(name, "re");
	char line[MOUNTING_LINE];
	const char *why = NULL;
	int number = 0;

	if (!file)
		return message_fail(messages, "cannot read the mountlist: %s: %s", name,
				    strerror(errno));
	while (!why && fgets(line, sizeof(line), file)) {
		number++;
		if (line[0] != '#')
			why = mounting_line(prefixes, line);
	}
	if (!why && ferror(file))
		why = strerror(EIO);
	fclose(file);
	if (!why)
		return 0;
	return message_fail(messages, "no row of a mountlist: %s line %d (%s)", name,
			    number, why);
}

static int mounting_option(const struct messages *messages, struct prefixes *prefixes,
			   const char *text)
{
	const char *equals = strchr(text, '=');
	const char *why = "not of the form A=B";
	char *path;

	if (text[0] == '@')
		return mounting_file(messages, prefixes, text + 1);
	path = equals ? strndup(text, (size_t)(equals - text)) : NULL;
	if (path && equals[1])
		why = mounting_add(prefixes, path, equals + 1, PREFIX_ALL);
	free(path);
	if (!why)
		return 0;
	return message_fail(messages, "no row: --mount %.200s (%s)", text, why);
}

int mounting_fill(const struct messages *messages, const struct options *options,
		  struct prefixes *ret_prefixes)
{
	const struct text_list *mounts = &options->mounts;
	int error = prefixes_init(ret_prefixes);

	for (size_t i = 0; i < mounts->count && error == 0; i++) {
		int status = mounting_option(messages, ret_prefixes, mounts->items[i]);

		if (status)
			return status;
	}
	if (error == 0)
		error = prefixes_settle(ret_prefixes);
	return error ? message_no_run(messages, -error) : 0;
}
