/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/help.h"

#include <errno.h>
#include <string.h>

#include "launch/optiontable.h"

enum { COLUMN = 23, WIDTH = 79 };

const char options_version[] = "interpose_run 0.1.0\n";

static const char head[] =
	"Usage: interpose_run [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"       interpose_run --doctor [--json|--classad] [OPTION...] [FQRN...]\n"
	"       interpose_run --tool SUBCOMMAND [ARGUMENT...]\n"
	"\n"
	"Runs COMMAND, and all that it starts, with CernVM-FS repositories below "
	"/cvmfs.\n"
	"No root rights, no mount, no daemon; nothing is left over when COMMAND has "
	"ended.\n"
	"\n"
	"Examples:\n"
	"  interpose_run ls /cvmfs/sft.example.org\n"
	"      a node that has the client's configuration in /etc/cvmfs needs no more\n"
	"  interpose_run --config my.conf -- /cvmfs/my.example.org/bin/tool\n"
	"      without one: CVMFS_SERVER_URL, CVMFS_PUBLIC_KEY, CVMFS_HTTP_PROXY\n"
	"  interpose_run -o CVMFS_HTTP_PROXY=http://squid.example.org:3128 -- "
	"./job.sh\n"
	"      any parameter of the client can be given\n"
	"  interpose_run -r "
	"my.example.org=http://host/cvmfs/my.example.org,pubkey=my.pub "
	"\\\n"
	"                /cvmfs/my.example.org/bin/tool\n"
	"      a repository of your own: its address and its public key are enough\n";

static const char tail[] =
	"\n"
	"Below another interpose_run this one joins it: -r, -o and --config are added "
	"for "
	"all\n"
	"of that run, or named if they contradict it (docs/inner-runs.md).\n"
	"\n"
	"Options end at the first word that is none, or at --. A name that no "
	"configuration\n"
	"covers does not exist below /cvmfs; interpose showconfig FQRN shows what "
	"holds.\n"
	"INTERPOSE_TRUSTED_OWNERS names users (commas between) whose files in a "
	"shared cache\n"
	"are used in place.\n"
	"A job whose scratch or cache does not answer is ended after two minutes\n"
	"[INTERPOSE_PATIENCE: seconds].\n"
	"\n"
	"Exit status: that of COMMAND; if a signal ended COMMAND, interpose_run dies "
	"of the\n"
	"same signal. 127: COMMAND was not found, 126: it cannot be executed, 125: "
	"something\n"
	"of interpose itself failed before COMMAND was started; one line says what.\n";

static const char head_of_doctor[] =
	"Usage: interpose_run --doctor [--json|--classad] [OPTION...] [FQRN...]\n"
	"       interpose doctor       [--json|--classad] [OPTION...] [FQRN...]\n"
	"\n"
	"Can this node run interpose, and how well? A line for each finding: ok, "
	"warning "
	"or\n"
	"no, and what to do. Nothing is started but what looks; without FQRN all "
	"configured\n"
	"repositories are opened. Servers and proxies are asked for 20 s at most.\n"
	"\n"
	"Examples:\n"
	"  interpose_run --doctor sft.example.org\n"
	"  interpose_run --doctor --config my.conf --json | jq '.findings[]'\n"
	"  interpose_run --doctor --classad sft.example.org\n"
	"      attributes for a startd cron of HTCondor\n"
	"\n"
	"Options:\n";

static const char tail_of_doctor[] =
	"\n"
	"Exit status: 0 it can (perhaps with warnings), 1 it cannot.\n";

static const char *const titles[] = {
	[GROUP_OPEN] = "Repositories and configuration",
	[GROUP_KEEP] = "Where data is kept",
	[GROUP_NAMES] = "Which names mean something else",
	[GROUP_RUN] = "How COMMAND is run",
	[GROUP_TELL] = "What is told",
};

size_t help_write_words(FILE *out, const char *text, size_t from, size_t at)
{
	text += strspn(text, " ");
	while (*text) {
		size_t length = strcspn(text, " ");

		if (at > from && at + 1 + length > WIDTH) {
			fprintf(out, "\n%*s", (int)from, "");
			at = from;
		} else if (at > from) {
			at += (size_t)fprintf(out, " ");
		}
		at += (size_t)fprintf(out, "%.*s", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	return at;
}

void help_write_row(FILE *out, const struct help_row *row)
{
	const char letter[] = {'-', row->letter, '\0'};
	char name[64] = "", note[160] = "";
	size_t at;

	if (row->name)
		snprintf(name, sizeof(name), "--%s", row->name);
	if (row->note && *row->note)
		snprintf(note, sizeof(note), "[%s]", row->note);
	at = (size_t)fprintf(out, "  %s%s%s%s%s", row->letter ? letter : "  ",
			     row->letter && row->name ? ", " : "  ", name,
			     row->value ? " " : "", row->value ? row->value : "");
	/* Two blanks at least between what is typed and what it means. */
	if (at + 2 > COLUMN) {
		fputc('\n', out);
		at = 0;
	}
	fprintf(out, "%*s", (int)(COLUMN - at), "");
	help_write_words(out, note, COLUMN,
			 help_write_words(out, row->text, COLUMN, COLUMN));
	fputc('\n', out);
}

static void write_option(FILE *out, const struct option_row *option)
{
	const bool list = option->kind == OPTION_LIST;
	char text[512], note[128];

	snprintf(text, sizeof(text), "%s%s", option->help, list ? " (repeatable)" : "");
	snprintf(note, sizeof(note), "%s%s%s%s%s%s",
		 option->variable ? option->variable : "", option->inverted ? "=0" : "",
		 option->variable && list ? ", separated by colons" : "",
		 option->variable && option->standard ? "; " : "",
		 option->standard ? "default: " : "",
		 option->standard ? option->standard : "");
	help_write_row(out, &(struct help_row){option->letter, option->name,
					       option->value, text, note});
}

static void write_help(FILE *out)
{
	enum option_group group = GROUP_NONE;

	fputs(head, out);
	for (size_t i = 0; i < option_row_count; i++) {
		if (option_rows[i].group == GROUP_NONE)
			continue;
		if (option_rows[i].group != group)
			fprintf(out, "\n%s:\n", titles[option_rows[i].group]);
		group = option_rows[i].group;
		write_option(out, &option_rows[i]);
	}
	fputs(tail, out);
}

static void write_help_of_doctor(FILE *out)
{
	fputs(head_of_doctor, out);
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].doctor)
			write_option(out, &option_rows[i]);
	fputs(tail_of_doctor, out);
}

int help_print(const struct messages *messages, const struct options *options)
{
	if (options->version)
		fputs(options_version, stdout);
	else if (options->doctor)
		write_help_of_doctor(stdout);
	else
		write_help(stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return message_fail(messages, "cannot write: standard output: %s",
			    strerror(errno));
}
