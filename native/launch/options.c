/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/optiontable.h"
#include "launch/spelling.h"
#include "launch/values.h"
#include "launch/variables.h"

/* Words of the command line that are not yet used up. */
struct words {
	char **next;
	char *complaint;
};

static int complain(const struct words *words, const char *what, const char *where)
{
	snprintf(words->complaint, OPTIONS_COMPLAINT_SIZE,
		 "%s: %.200s (see interpose_run --help)", what, where);
	return -EINVAL;
}

static int option_store(const struct option_row *row, struct options *options,
			const char *value)
{
	char *field = (char *)options + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_COUNT:
		++*(int *)field;
		return 0;
	case OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	default:
		return values_add((struct text_list *)field, value);
	}
}

static bool option_takes_value(const struct option_row *row)
{
	return row->kind == OPTION_TEXT || row->kind == OPTION_LIST ||
	       row->kind == OPTION_LATER_TEXT;
}

/* Only --stats has a meaning for "-". */
static bool option_is_no_file(const struct option_row *row, const char *value)
{
	return value && strcmp(value, "-") == 0 &&
	       (row->offset == OFFSET(trace) || row->offset == OFFSET(log));
}

static int complain_no_file(const struct words *words, const char *what)
{
	snprintf(words->complaint, OPTIONS_COMPLAINT_SIZE,
		 "%s writes a file: - (name one; ./- if it is to be called so)", what);
	return -EINVAL;
}

/* `value` is what stood behind '=' or the letter; NULL: nothing. */
static int option_apply(const struct option_row *row, struct options *options,
			const char *value, struct words *words)
{
	char shown[64];

	snprintf(shown, sizeof(shown), "--%s", row->name);
	if (row->kind >= OPTION_FIRST) {
		snprintf(words->complaint, OPTIONS_COMPLAINT_SIZE, "%s %s", shown,
			 row->kind == OPTION_FIRST ? "must be the first word"
						   : "is not in this version");
		return -EINVAL;
	}
	if (option_takes_value(row) && !value) {
		if (!*words->next)
			return complain(words, "option needs a value", shown);
		value = *words->next++;
	} else if (!option_takes_value(row) && value) {
		return complain(words, "option takes no value", shown);
	}
	if (value && !*value)
		return complain(words, "option has an empty value", shown);
	if (row->letter == 'o' && (!strchr(value, '=') || value[0] == '='))
		return complain(words, "not of the form NAME=VALUE", value);
	if (row->offset == OFFSET(mounts) && value && value[0] != '@' &&
	    !strchr(value, '='))
		return complain(words, "not of the form A=B", value);
	if (option_is_no_file(row, value))
		return complain_no_file(words, shown);
	options->given |= 1ull << (row - option_rows);
	return option_store(row, options, value);
}

/* The longest that is not more than a third wrong. */
static int complain_unknown(const struct words *words, const char *word, size_t length)
{
	size_t nearest = length / 3 + 1;
	const char *meant = NULL;

	for (size_t i = 0; i < option_row_count; i++) {
		size_t distance =
			spelling_distance(word + 2, length, option_rows[i].name);

		if (distance >= nearest || option_rows[i].kind >= OPTION_LATER)
			continue;
		nearest = distance;
		meant = option_rows[i].name;
	}
	if (!meant)
		return complain(words, "unknown option", word);
	snprintf(words->complaint, OPTIONS_COMPLAINT_SIZE,
		 "unknown option: %.200s (is --%s meant?)", word, meant);
	return -EINVAL;
}

static int option_long(const char *word, struct options *options, struct words *words)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (strlen(row->name) == length && !strncmp(row->name, name, length))
			return option_apply(row, options,
					    name[length] ? name + length + 1 : NULL,
					    words);
	}
	return complain_unknown(words, word, length);
}

static const struct option_row *option_by_letter(char letter)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

/* -v, -vv, -qv, -rFQRN, -r FQRN */
static int option_short(const char *word, struct options *options, struct words *words)
{
	for (const char *letter = word + 1; *letter; letter++) {
		const struct option_row *row = option_by_letter(*letter);
		const char *value = NULL;
		int error;

		if (!row)
			return complain(words, "unknown option", word);
		if (option_takes_value(row) && letter[1])
			value = letter + 1;
		error = option_apply(row, options, value, words);
		if (error < 0 || option_takes_value(row))
			return error;
	}
	return 0;
}

/* Variables count as if they were given before the command line's first word. */
static int options_from_environment(struct options *options, struct words *words)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		const char *value = row->variable ? getenv(row->variable) : NULL;
		int error = 0;

		if (!value || !*value)
			continue;
		if (row->kind == OPTION_LIST)
			error = values_split(
				(struct text_list *)((char *)options + row->offset),
				value);
		else if (option_is_no_file(row, value))
			error = complain_no_file(words, row->variable);
		else if (row->kind == OPTION_TEXT)
			error = option_store(row, options, value);
		else if (values_are_true(value) != row->inverted)
			error = option_store(row, options, NULL);
		if (error < 0)
			return error;
	}
	return 0;
}

static void options_make_absolute(struct options *options)
{
	options->cache = values_absolute(options->cache);
	options->alien_cache = values_absolute(options->alien_cache);
	options->scratch = values_absolute(options->scratch);
	for (size_t i = 0; i < options->configs.count; i++)
		options->configs.items[i] = values_absolute(options->configs.items[i]);
}

static int option_read(const char *word, struct options *options, struct words *words)
{
	if (word[1] == '-')
		return option_long(word, options, words);
	if (word[1])
		return option_short(word, options, words);
	return complain(words, "unknown option", word);
}

/* What only all of them together show. */
static int options_judge(const struct options *options, struct words *words)
{
	const char *what = NULL;

	if (options->json && options->classad)
		what = "--json and --classad: one form can be had";
	else if ((options->json || options->classad) && !options->doctor)
		what = "--json and --classad are forms of --doctor";
	else if (!options->doctor && !*options->command)
		what = "COMMAND is missing";
	if (!what)
		return 0;
	snprintf(words->complaint, OPTIONS_COMPLAINT_SIZE,
		 "%s (see interpose_run --help)", what);
	return -EINVAL;
}

int options_parse(int argc, char **argv, struct options *ret_options,
		  char complaint[OPTIONS_COMPLAINT_SIZE])
{
	struct options options = {0};
	struct words words = {.next = argv + (argc > 0), .complaint = complaint};
	int error = options_from_environment(&options, &words);

	if (error == 0)
		error = variables_take(&options, complaint);
	options.configs_inherited = options.configs.count;
	options.mounts_inherited = options.mounts.count;
	while (error == 0 && *words.next && !options.help && !options.version &&
	       (options.doctor || words.next[0][0] == '-')) {
		const char *word = *words.next++;

		if (strcmp(word, "--") == 0)
			break;
		error = word[0] == '-' ? option_read(word, &options, &words)
				       : values_add(&options.names, word);
	}
	for (; error == 0 && options.doctor && *words.next; words.next++)
		error = values_add(&options.names, *words.next);
	options.command = words.next;
	if (error == 0 && !options.help && !options.version)
		error = options_judge(&options, &words);
	if (error < 0) {
		options_deinit(&options);
		return error;
	}
	options_make_absolute(&options);
	*ret_options = options;
	return 0;
}

static void describe(const char *name, const char *value, char *text, size_t size,
		     size_t *used)
{
	int length = snprintf(text + *used, size - *used, "%s=%s", name, value);

	if (length > 0 && (size_t)length < size - *used)
		*used += (size_t)length + 1;
}

size_t options_describe(const struct options *options, bool given, char *text,
			size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		const void *field = (const char *)options + row->offset;
		const struct text_list *list = field;
		size_t at = row->offset == OFFSET(mounts) ? options->mounts_inherited
							  : options->configs_inherited;

		if (!row->own_run || (given && !(options->given >> i & 1)))
			continue;
		if (!given || !row->variable)
			at = 0;
		for (; row->kind == OPTION_LIST && at < list->count; at++)
			describe(row->name, list->items[at], text, size, &used);
		if (row->kind == OPTION_TEXT && *(const char *const *)field)
			describe(row->name, *(char *const *)field, text, size, &used);
		if (row->kind == OPTION_FLAG && *(const bool *)field)
			describe(row->name, "", text, size, &used);
	}
	return used;
}

void options_deinit(struct options *options)
{
	free(options->repositories.items);
	free(options->configs.items);
	free(options->settings.items);
	free(options->mounts.items);
	free(options->names.items);
}
