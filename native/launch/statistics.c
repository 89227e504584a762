/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "launch/launch.h"

static double statistics_seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void statistics_add_children(struct statistics *statistics)
{
	struct rusage usage;

	if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
		return;
	statistics->job_user_s = statistics_seconds(usage.ru_utime);
	statistics->job_system_s = statistics_seconds(usage.ru_stime);
	statistics->job_max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

/* Length of the UTF-8 sequence at `text`; 0: it is none. */
static size_t statistics_utf8(const unsigned char *text)
{
	static const unsigned int least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = text[0] >= 0xf0	  ? 4
			: text[0] >= 0xe0 ? 3
			: text[0] >= 0xc2 ? 2
					  : 0;
	unsigned int code = text[0] & (0x7fu >> length);

	if (text[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3fu);
	}
	if (length && (code < least[length] || code > 0x10ffff ||
		       (code >= 0xd800 && code < 0xe000)))
		return 0;
	return length;
}

/* Bytes that are no UTF-8 become what Python's surrogateescape makes of them. */
static void statistics_string(FILE *out, const char *string)
{
	const unsigned char *text = (const unsigned char *)string;

	fputc('"', out);
	while (*text) {
		size_t length = *text < 0x80 ? 1 : statistics_utf8(text);

		if (length == 0)
			fprintf(out, "\\udc%02x", *text);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (*text < ' ' || *text == 0x7f)
			fprintf(out, "\\u%04x", *text);
		else
			fwrite(text, 1, length, out);
		text += length ? length : 1;
	}
	fputc('"', out);
}

static void statistics_command(FILE *out, char **command)
{
	fputs("\"command\": [", out);
	for (size_t i = 0; command[i]; i++) {
		if (i)
			fputs(", ", out);
		statistics_string(out, command[i]);
	}
	fputs("], ", out);
}

static void statistics_job(FILE *out, const struct statistics *statistics)
{
	int status = statistics->wait_status;

	if (WIFSIGNALED(status))
		fprintf(out, "\"exit\": {\"signal\": %d}, ", WTERMSIG(status));
	else
		fprintf(out, "\"exit\": {\"status\": %d}, ", WEXITSTATUS(status));
	fprintf(out, "\"wall_s\": %.6f, ", (double)statistics->wall_ns / 1e9);
	fprintf(out,
		"\"job\": {\"cpu_user_s\": %.6f, \"cpu_system_s\": %.6f, "
		"\"max_rss_bytes\": %llu, \"processes\": %llu}, ",
		statistics->job_user_s, statistics->job_system_s,
		(unsigned long long)statistics->job_max_rss_bytes,
		(unsigned long long)statistics->counters->processes);
}

static void statistics_tracer(FILE *out, const struct statistics *statistics)
{
	const struct counters *counters = statistics->counters;
	struct rusage own = {0};

	getrusage(RUSAGE_SELF, &own);
	fprintf(out,
		"\"tracer\": {\"stops\": %llu, \"exit_stops\": %llu, "
		"\"fastpath_calls\": %llu, \"answered\": %llu, \"redirected\": %llu, "
		"\"questions\": %llu, \"cpu_s\": %.6f, \"start_s\": %.6f}",
		(unsigned long long)counters->stops,
		(unsigned long long)counters->exit_stops,
		(unsigned long long)statistics->fast_calls,
		(unsigned long long)counters->answered,
		(unsigned long long)counters->redirected,
		(unsigned long long)counters->questions,
		statistics->joined ? statistics->tracer_s
				   : statistics_seconds(own.ru_utime) +
					     statistics_seconds(own.ru_stime),
		(double)statistics->started_ns / 1e9);
}

/* The members of the resolver's object, or what a run without one has. */
static void statistics_resolver(FILE *out, const char *resolver)
{
	size_t length = resolver ? strlen(resolver) : 0;

	while (length && strchr(" \t\r\n", resolver[length - 1]))
		length--;
	if (length > 2 && resolver[0] == '{' && resolver[length - 1] == '}')
		fprintf(out, ", %.*s", (int)(length - 2), resolver + 1);
	else
		fputs(", \"repositories\": [], \"network\": {\"requests\": 0, "
		      "\"bytes\": "
		      "0, \"by_host\": {}, \"proxy\": null, \"retries\": 0, "
		      "\"failovers\": 0}, \"resolver\": null",
		      out);
}

static void statistics_put(int fd, const char *text, size_t size, bool replace)
{
	struct stat file;
	size_t done = 0;

	if (replace && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
	    lseek(fd, 0, SEEK_SET) == 0 && ftruncate(fd, 0) < 0)
		done = size;
	while (done < size) {
		ssize_t written = write(fd, text + done, size - done);

		if (written < 0)
			break;
		done += (size_t)written;
	}
}

void statistics_write(const struct launch *launch, const struct statistics *statistics)
{
	_cleanup_free_ char *left =
		statistics->resolver ? NULL : run_figures_left(&launch->run);
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	fputs("{\"version\": 1, ", out);
	statistics_command(out, statistics->command);
	if (statistics->joined)
		fputs("\"joined\": true, ", out);
	statistics_job(out, statistics);
	statistics_tracer(out, statistics);
	statistics_resolver(out, left ? left : statistics->resolver);
	fputs("}\n", out);
	if (fclose(out) == 0)
		statistics_put(launch->stats_fd, text, size, !launch->stats_once);
}
