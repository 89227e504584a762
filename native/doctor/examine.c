/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look is another process: a file system that is dead holds up nobody else. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "run/clock.h"

enum { PATIENCE_MS = 5000 };

static void look_here(const struct doctor_row *row, const struct doctor_node *node,
		      struct finding *finding)
{
	row->look(node, finding);
	if (finding->level != LEVEL_OK && !finding->advice[0])
		finding_advise(finding, "%s", row->advice);
}

static _Noreturn void look_and_tell(const struct doctor_row *row,
				    const struct doctor_node *node,
				    struct finding *finding, int fd)
{
	char line[FINDING_LINE];
	size_t size;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	look_here(row, node, finding);
	size = finding_write(finding, line, sizeof(line));
	_exit(write(fd, line, size) < 0);
}

/* What it said, or why it said nothing; false: it may never end. */
static bool hear(int fd, struct finding *finding)
{
	const int64_t until = clock_now_ns() + PATIENCE_MS * 1000000LL;
	struct pollfd one = {.fd = fd, .events = POLLIN};
	char line[FINDING_LINE];
	size_t used = 0;
	ssize_t got = 1;
	struct finding said;

	while (got > 0 && used < sizeof(line) - 1) {
		int64_t left = until - clock_now_ns();
		int ready = left > 0 ? poll(&one, 1, (int)(left / 1000000)) : 0;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			finding_say(finding, LEVEL_NO, "no answer within %d s",
				    PATIENCE_MS / 1000);
			return false;
		}
		got = read(fd, line + used, sizeof(line) - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	}
	line[used] = '\0';
	if (finding_read(line, &said))
		*finding = said;
	else
		finding_say(finding, LEVEL_NO, "the look at it was ended by a signal");
	return true;
}

static void look_apart(const struct doctor_row *row, const struct doctor_node *node,
		       struct finding *finding)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		look_here(row, node, finding);
		return;
	}
	pid = fork();
	if (pid == 0)
		look_and_tell(row, node, finding, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		look_here(row, node, finding);
	} else {
		bool ends_now = hear(ends[0], finding);

		kill(pid, SIGKILL);
		waitpid(pid, NULL, ends_now ? 0 : WNOHANG);
	}
	close(ends[0]);
	if (finding->level != LEVEL_OK && !finding->advice[0])
		finding_advise(finding, "%s", row->advice);
}

void doctor_examine(const struct doctor_row *row, const struct doctor_node *node,
		    struct findings *findings)
{
	struct finding finding = {0};

	snprintf(finding.name, sizeof(finding.name), "%s", row->name);
	look_apart(row, node, &finding);
	if (finding.text[0])
		findings_add(findings, &finding);
}
