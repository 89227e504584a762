/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/writer.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { ATTRIBUTE_SIZE = 80 };

void writer_text(FILE *file, const struct finding *finding)
{
	fprintf(file, "%s%s%s: %s: %s", finding->name, finding->about[0] ? " " : "",
		finding->about, level_names[finding->level], finding->text);
	if (finding->level != LEVEL_OK && finding->advice[0])
		fprintf(file, " (%s)", finding->advice);
	fputc('\n', file);
}

/* The names of what is so bad, each once. */
static void write_names(FILE *file, const struct findings *findings, enum level level,
			const char *between)
{
	const char *separator = "";

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->list[i];
		bool known = one->level != level;

		for (size_t j = 0; j < i && !known; j++)
			known = findings->list[j].level == level &&
				strcmp(findings->list[j].name, one->name) == 0;
		if (known)
			continue;
		fprintf(file, "%s%s", separator, one->name);
		separator = between;
	}
}

void writer_sum(FILE *file, const struct findings *findings)
{
	enum level worst = findings_worst(findings, true);

	if (worst == LEVEL_OK) {
		fputs("this node can\n", file);
		return;
	}
	fprintf(file, "this node %s", worst == LEVEL_NO ? "cannot: " : "can, but: ");
	write_names(file, findings, worst, ", ");
	fputc('\n', file);
}

/* How many bytes the character at `text` has in UTF-8; 0: it is none. */
static int utf8_size(const unsigned char *text)
{
	int size = *text < 0x80 ? 1 : *text < 0xc2 ? 0 : *text < 0xe0 ? 2 : 3;

	if (*text >= 0xf0)
		size = *text < 0xf5 ? 4 : 0;
	for (int i = 1; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((*text == 0xe0 && text[1] < 0xa0) || (*text == 0xed && text[1] > 0x9f) ||
	    (*text == 0xf0 && text[1] < 0x90) || (*text == 0xf4 && text[1] > 0x8f))
		return 0;
	return size;
}

/* What is no text becomes question marks. */
static void write_string(FILE *file, const char *text)
{
	fputc('"', file);
	while (*text) {
		int size = utf8_size((const unsigned char *)text);

		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		if (size)
			fwrite(text, 1, (size_t)size, file);
		else
			fputc('?', file);
		text += size ? size : 1;
	}
	fputc('"', file);
}

static bool is_number(const char *text)
{
	size_t digits = strspn(text + (*text == '-'), "0123456789");
	const char *end = text + (*text == '-') + digits;

	if (digits && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	return digits && !*end && end[-1] != '.';
}

static void write_facts(FILE *file, const struct finding *finding)
{
	const char *separator = "";

	for (const char *at = finding->facts; *at; at += strcspn(at, "\t") + 1) {
		char fact[512], *value;

		snprintf(fact, sizeof(fact), "%.*s", (int)strcspn(at, "\t"), at);
		value = strchr(fact, '=');
		if (!value)
			continue;
		*value++ = '\0';
		fputs(separator, file);
		separator = ", ";
		if (value[-2] == ':' && is_number(value)) {
			value[-2] = '\0';
			write_string(file, fact);
			fprintf(file, ": %s", value);
		} else {
			write_string(file, fact);
			fputs(": ", file);
			write_string(file, value);
		}
	}
}

void writer_json(FILE *file, const struct findings *findings, const char *version)
{
	bool can = findings_worst(findings, true) != LEVEL_NO;
	bool node = findings_worst(findings, false) != LEVEL_NO;

	fprintf(file,
		"{\"version\": 1, \"interpose\": \"%s\", \"can\": %s, \"node\": %s,\n"
		" \"findings\": [",
		version, can ? "true" : "false", node ? "true" : "false");
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->list[i];

		fprintf(file, "%s\n  {\"name\": ", i ? "," : "");
		write_string(file, one->name);
		fputs(", \"about\": ", file);
		write_string(file, one->about);
		fprintf(file,
			", \"level\": \"%s\", \"text\": ", level_names[one->level]);
		write_string(file, one->text);
		fputs(", \"advice\": ", file);
		write_string(file, one->level == LEVEL_OK ? "" : one->advice);
		fputs(", \"facts\": {", file);
		write_facts(file, one);
		fputs("}}", file);
	}
	fputs("\n ]}\n", file);
}

/* As others name attributes of repositories: all but letters and digits is "_". */
static void attribute_of(const char *fqrn, char ret_name[ATTRIBUTE_SIZE])
{
	size_t at = 0;

	for (; fqrn[at] && at < ATTRIBUTE_SIZE - 1; at++)
		ret_name[at] = isalnum((unsigned char)fqrn[at]) ? fqrn[at] : '_';
	ret_name[at] = '\0';
}

static bool is_opened(const struct finding *finding)
{
	return strcmp(finding->name, "repository") == 0 && finding->about[0] &&
	       finding->level != LEVEL_NO;
}

/* Does another name give the same attribute? Then neither has it. */
static bool is_shared_name(const struct findings *findings, size_t mine)
{
	char own[ATTRIBUTE_SIZE], other[ATTRIBUTE_SIZE];

	attribute_of(findings->list[mine].about, own);
	for (size_t i = 0; i < findings->count; i++) {
		if (i == mine || strcmp(findings->list[i].name, "repository") != 0)
			continue;
		attribute_of(findings->list[i].about, other);
		if (strcasecmp(own, other) == 0)
			return true;
	}
	return false;
}

/* Source: HTCondor's manual, Startd Cron: attribute = value, and a line that begins
 * with "-" after all of them. */
void writer_classad(FILE *file, const struct findings *findings, const char *version)
{
	bool node = findings_worst(findings, false) != LEVEL_NO;
	char name[ATTRIBUTE_SIZE], revision[32];
	const char *separator = "";

	fprintf(file, "HasInterposeCVMFS = %s\nInterposeVersion = \"%s\"\n",
		node ? "true" : "false", version);
	fputs("InterposeRepositories = \"", file);
	for (size_t i = 0; i < findings->count; i++) {
		if (!node || !is_opened(&findings->list[i]))
			continue;
		fprintf(file, "%s%s", separator, findings->list[i].about);
		separator = ",";
	}
	fputs("\"\nInterposeProblems = \"", file);
	write_names(file, findings, LEVEL_NO, ",");
	fputs("\"\n", file);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->list[i];

		if (!node || !is_opened(one) || is_shared_name(findings, i) ||
		    !finding_value(one, "revision", revision, sizeof(revision)) ||
		    !is_number(revision))
			continue;
		attribute_of(one->about, name);
		fprintf(file, "InterposeRevision_%s = %s\n", name, revision);
	}
	fputs("-\n", file);
}
