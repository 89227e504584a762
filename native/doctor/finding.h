/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found out, one by one, and the line in which processes of ours pass it on.
 */
#ifndef DOCTOR_FINDING_H
#define DOCTOR_FINDING_H

#include <stdbool.h>
#include <stddef.h>

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_NO };

struct finding {
	enum level level;
	bool of_network; /* the node itself is not to blame */
	char name[24];
	char about[64]; /* a repository, or "" */
	char text[1024];
	char advice[512];
	/* name=text or name:=number, a tab behind each */
	char facts[1024];
};

struct findings {
	struct finding *list;
	size_t count;
};

/* "ok", "warning", "no" */
extern const char *const level_names[];

/* Only for the worse: the worst level stays. The text grows, with "; " between. */
void finding_say(struct finding *finding, enum level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void finding_advise(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void finding_fact(struct finding *finding, const char *name, const char *text);
void finding_number(struct finding *finding, const char *name, long long number);
/* The raw value of a fact; false: there is none. */
bool finding_value(const struct finding *finding, const char *name, char *ret_value,
		   size_t size);

/* Copies it to the end; what finds no memory is lost. */
void findings_add(struct findings *findings, const struct finding *finding);
/* The worst of all; `network`: those of the network, too. */
enum level findings_worst(const struct findings *findings, bool network);
void findings_deinit(struct findings *findings);

/* LEVEL NAME ABOUT TEXT ADVICE FACT..., tabs between; the line has no end yet. Python
 * writes the same (interpose/commands/doctor.py). The bytes used. */
size_t finding_write(const struct finding *finding, char *line, size_t size);
/* False: the line is none. It is changed. */
bool finding_read(char *line, struct finding *ret_finding);
enum { FINDING_LINE = 4096 };

#endif
