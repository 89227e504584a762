/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Python writes lines into a pipe (doctor/finding.h): a finding each, "place" with a
 * cache's directory, "done" at the end. */
#define _GNU_SOURCE 1
#include "launch/asking.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/helper.h"
#include "run/clock.h"
#include "run/scratch.h"

enum { MOST_S = 20, LONG_S = 2, STEP_MS = 1000 };

static volatile sig_atomic_t asked; /* the process that asks */

/* It is in a session of its own, so nobody else tells it. */
static void end_with_it(int number)
{
	if (asked > 0)
		kill((pid_t)asked, SIGTERM);
	signal(number, SIG_DFL);
	raise(number);
}

static void watch_signals(void (*handler)(int))
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action = {.sa_handler = handler}, old;

		sigaction(numbers[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

static void add_word(char **words, size_t *count, const char *name, const char *value)
{
	if (value && asprintf(&words[*count], "%s=%s", name, value) > 0)
		++*count;
}

static void add_list(char **words, size_t *count, const char *name,
		     const struct text_list *list, size_t first)
{
	for (size_t i = first; i < list->count; i++)
		add_word(words, count, name, list->items[i]);
}

/* The subcommand takes what all of them take (interpose/commands/options.py). Words and
 * texts live as long as this process. NULL: no memory. */
static char **command_line(const struct asking *asking, int fd, int64_t until_ns)
{
	static const char *const first[] = {"-m", "interpose.commands", "doctor"};
	const struct options *options = asking->options;
	char **words =
		calloc(32 + options->configs.count + options->settings.count +
			       options->repositories.count + options->names.count,
		       sizeof(*words));
	char number[32];
	size_t count = 0;

	if (!words)
		return NULL;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		words[count++] = strdup(first[i]);
	snprintf(number, sizeof(number), "%d", fd);
	add_word(words, &count, "--findings", number);
	snprintf(number, sizeof(number), "%lld", (long long)(until_ns / 1000000));
	add_word(words, &count, "--until", number);
	add_list(words, &count, "--config", &options->configs,
		 options->configs_inherited);
	add_list(words, &count, "--option", &options->settings, 0);
	add_list(words, &count, "--repository", &options->repositories, 0);
	add_word(words, &count, "--cache", options->cache);
	add_word(words, &count, "--alien-cache", options->alien_cache);
	if (asking->node->scratch[0])
		add_word(words, &count, "--scratch", asking->node->scratch);
	if (options->trust_cache)
		words[count++] = strdup("--trust-cache");
	if (options->offline)
		words[count++] = strdup("--offline");
	words[count++] = strdup("--");
	for (size_t i = 0; i < options->names.count; i++)
		words[count++] = strdup(options->names.items[i]);
	return words;
}

static void take_place(struct asking *asking, char *line)
{
	const char *name = strsep(&line, "\t");
	const struct doctor_row *row = doctor_row(name);

	if (!row || !line)
		return;
	asking->placed = true;
	asking->node->place = line;
	doctor_examine(row, asking->node, asking->findings);
	asking->node->place = "";
}

static void take_line(struct asking *asking, char *line)
{
	size_t known = asking->findings->count;
	struct finding finding;

	if (strcmp(line, "done") == 0) {
		asking->done = true;
	} else if (strncmp(line, "place\t", 6) == 0) {
		take_place(asking, line + 6);
	} else if (finding_read(line, &finding)) {
		finding.of_network = true;
		findings_add(asking->findings, &finding);
	}
	asking->tell(asking->options, asking->findings, known);
}

/* On a terminal alone; what is printed next begins where this began. */
static void show_progress(int64_t began_ns)
{
	long long seconds = (clock_now_ns() - began_ns) / 1000000000;

	if (seconds >= LONG_S && isatty(STDERR_FILENO))
		dprintf(STDERR_FILENO, "asking servers: %lld s of at most %d\r",
			seconds, MOST_S);
}

static void hide_progress(void)
{
	if (isatty(STDERR_FILENO))
		dprintf(STDERR_FILENO, "\033[K");
}

/* Until Python has said all, or the time is over (then false). */
static bool listen_until(struct asking *asking, int fd, int64_t began_ns)
{
	const int64_t until = began_ns + MOST_S * 1000000000LL;
	struct pollfd one = {.fd = fd, .events = POLLIN};
	char text[2 * FINDING_LINE];
	size_t used = 0;
	ssize_t got = 1;

	while (!asking->done && got > 0 && clock_now_ns() < until) {
		int ready = poll(&one, 1, STEP_MS);
		char *end, *line = text;

		if (ready <= 0) {
			show_progress(began_ns);
			continue;
		}
		got = read(fd, text + used, sizeof(text) - used);
		used += got > 0 ? (size_t)got : 0;
		hide_progress();
		while ((end = memchr(line, '\n', used - (size_t)(line - text)))) {
			*end = '\0';
			take_line(asking, line);
			line = end + 1;
		}
		used -= (size_t)(line - text);
		memmove(text, line, used);
		if (used == sizeof(text))
			used = 0; /* no line of ours is so long */
	}
	hide_progress();
	return asking->done || got <= 0;
}

/* A row for each that nothing was said about. */
static void say_nothing_is_known(struct asking *asking, const char *text,
				 const char *advice)
{
	static const char *const rows[] = {"proxy", "server", "repository"};
	const struct text_list *names = &asking->options->names;
	size_t known = asking->findings->count;

	for (size_t i = 0; i < (names->count ? names->count : 1); i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
			struct finding finding = {.of_network = true};

			snprintf(finding.name, sizeof(finding.name), "%s", rows[j]);
			if (names->count)
				snprintf(finding.about, sizeof(finding.about), "%s",
					 names->items[i]);
			finding_say(&finding, LEVEL_NO, "%s", text);
			finding_advise(&finding, "%s", advice);
			findings_add(asking->findings, &finding);
		}
	asking->tell(asking->options, asking->findings, known);
}

__attribute__((format(printf, 3, 4))) static void
say_it_does_not_run(struct asking *asking, const char *advice, const char *format, ...)
{
	struct finding finding = {.name = "python"};
	size_t known = asking->findings->count;
	char why[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	finding_say(&finding, LEVEL_NO, "it does not run: %s", why);
	finding_advise(&finding, "%s", advice);
	findings_add(asking->findings, &finding);
	asking->tell(asking->options, asking->findings, known);
	say_nothing_is_known(asking, finding.text, finding.advice);
}

/* Python ended, or was ended, before it had said all. */
static void say_why_not_done(struct asking *asking, int status)
{
	char text[128];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		snprintf(text, sizeof(text), "not known within %d s", MOST_S);
		say_nothing_is_known(asking, text, "see the other lines");
		return;
	}
	say_it_does_not_run(asking, helper_advice(status), "%s: %s %d",
			    asking->node->python,
			    WIFEXITED(status) ? "status" : "signal",
			    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int start_asking(const struct asking *asking, int64_t began_ns, int *ret_fd)
{
	int ends[2];
	pid_t pid = 0;
	char **arguments, **words;
	int error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	arguments = command_line(asking, ends[1], began_ns + MOST_S * 1000000000LL);
	words = arguments ? python_words(asking->python, arguments) : NULL;
	error = words ? helper_start(asking->python->path, words, ends[1], &pid)
		      : -ENOMEM;
	free(words);
	close(ends[1]);
	if (error < 0) {
		close(ends[0]);
		return error;
	}
	*ret_fd = ends[0];
	return (int)pid;
}

void asking_run(struct asking *asking)
{
	const int64_t began_ns = clock_now_ns();
	static struct scratch scratch; /* the packed one may be unpacked there */
	struct helper_lack lack;
	int fd = -1, pid, status;
	bool ended;

	if (!asking->node->python[0]) {
		say_nothing_is_known(asking, asking->node->python_problem,
				     asking->node->python_advice);
		return;
	}
	if (helper_lacks_memory(HELPER_OPENS_REPOSITORIES, &lack)) {
		say_it_does_not_run(asking, lack.advice, "it %s", lack.needs);
		return;
	}
	if (python_is_packed() &&
	    scratch_create(asking->node->scratch, SCRATCH_OF_RUN, &scratch) == 0)
		asking->python->scratch = scratch.path;
	watch_signals(end_with_it);
	pid = start_asking(asking, began_ns, &fd);
	if (pid < 0) {
		say_nothing_is_known(asking, strerror(-pid),
				     doctor_row("python")->advice);
	} else {
		asked = pid;
		ended = listen_until(asking, fd, began_ns);
		close(fd);
		status = helper_finish(pid, ended ? STEP_MS : 0);
		asked = 0;
		if (!asking->done)
			say_why_not_done(asking, status);
	}
	watch_signals(SIG_DFL);
	scratch_remove(&scratch);
}
