/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells of its start, of each SIGCONT (from the handler: nothing can be late) and of
 * each line that it reads. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t count;

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(1);
}

static void on_continue(int number)
{
	char text[] = "continued 000.\n";

	(void)number;
	count++;
	text[10] = (char)('0' + count / 100 % 10);
	text[11] = (char)('0' + count / 10 % 10);
	text[12] = (char)('0' + count % 10);
	say(text);
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_continue, .sa_flags = SA_RESTART};
	char line[256], text[300];

	sigaction(SIGCONT, &action, NULL);
	snprintf(text, sizeof(text), "talker %d %d.\n", getpid(),
		 tcgetpgrp(STDIN_FILENO));
	say(text);
	while (fgets(line, sizeof(line), stdin)) {
		snprintf(text, sizeof(text), "got %s", line);
		say(text);
	}
	return 0;
}
