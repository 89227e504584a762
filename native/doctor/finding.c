/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const level_names[] = {"ok", "warning", "no"};

/* Nothing in a text may start another field or line, or steer a terminal. */
static void finding_clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void finding_say(struct finding *finding, enum level level, const char *format, ...)
{
	size_t used = strlen(finding->text);
	va_list arguments;

	if (level > finding->level)
		finding->level = level;
	if (used && used + 2 < sizeof(finding->text))
		used += (size_t)sprintf(finding->text + used, "; ");
	va_start(arguments, format);
	vsnprintf(finding->text + used, sizeof(finding->text) - used, format,
		  arguments);
	va_end(arguments);
	finding_clean(finding->text + used);
}

void finding_advise(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->advice, sizeof(finding->advice), format, arguments);
	va_end(arguments);
	finding_clean(finding->advice);
}

static void finding_put(struct finding *finding, const char *name, const char *sign,
			const char *value)
{
	size_t used = strlen(finding->facts);
	int length = snprintf(finding->facts + used, sizeof(finding->facts) - used,
			      "%s%s%s\t", name, sign, value);

	if (length < 0 || (size_t)length >= sizeof(finding->facts) - used)
		finding->facts[used] = '\0';
}

void finding_fact(struct finding *finding, const char *name, const char *text)
{
	char value[512];

	snprintf(value, sizeof(value), "%s", text);
	finding_clean(value);
	finding_put(finding, name, "=", value);
}

void finding_number(struct finding *finding, const char *name, long long number)
{
	char value[32];

	snprintf(value, sizeof(value), "%lld", number);
	finding_put(finding, name, ":=", value);
}

bool finding_value(const struct finding *finding, const char *name, char *ret_value,
		   size_t size)
{
	size_t length = strlen(name);

	for (const char *at = finding->facts; *at; at += strcspn(at, "\t") + 1) {
		const char *value = at + length;

		if (strncmp(at, name, length) != 0 || (*value != '=' && *value != ':'))
			continue;
		value += strspn(value, ":=");
		snprintf(ret_value, size, "%.*s", (int)strcspn(value, "\t"), value);
		return true;
	}
	return false;
}

void findings_add(struct findings *findings, const struct finding *finding)
{
	struct finding *grown =
		realloc(findings->list, (findings->count + 1) * sizeof(*grown));

	if (!grown)
		return;
	grown[findings->count++] = *finding;
	findings->list = grown;
}

enum level findings_worst(const struct findings *findings, bool network)
{
	enum level worst = LEVEL_OK;

	for (size_t i = 0; i < findings->count; i++)
		if ((network || !findings->list[i].of_network) &&
		    findings->list[i].level > worst)
			worst = findings->list[i].level;
	return worst;
}

void findings_deinit(struct findings *findings)
{
	free(findings->list);
}

size_t finding_write(const struct finding *finding, char *line, size_t size)
{
	int length =
		snprintf(line, size, "%s\t%s\t%s\t%s\t%s\t%s",
			 level_names[finding->level], finding->name, finding->about,
			 finding->text, finding->advice, finding->facts);

	if (length < 0)
		return 0;
	return (size_t)length < size ? (size_t)length : size - 1;
}

static bool take_field(char **line, char *ret_field, size_t size)
{
	char *field = *line ? strsep(line, "\t") : NULL;

	if (!field)
		return false;
	snprintf(ret_field, size, "%s", field);
	finding_clean(ret_field);
	return true;
}

bool finding_read(char *line, struct finding *ret_finding)
{
	struct finding *finding = ret_finding;
	char level[16], fact[512];

	memset(finding, 0, sizeof(*finding));
	if (!take_field(&line, level, sizeof(level)) ||
	    !take_field(&line, finding->name, sizeof(finding->name)) ||
	    !take_field(&line, finding->about, sizeof(finding->about)) ||
	    !take_field(&line, finding->text, sizeof(finding->text)) ||
	    !take_field(&line, finding->advice, sizeof(finding->advice)))
		return false;
	while (take_field(&line, fact, sizeof(fact)))
		if (strchr(fact, '='))
			finding_put(finding, fact, "", "");
	for (int i = LEVEL_OK; i <= LEVEL_NO; i++)
		if (strcmp(level, level_names[i]) == 0) {
			finding->level = (enum level)i;
			return true;
		}
	return false;
}
