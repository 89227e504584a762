/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/formatter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "launch/helper.h"
#include "launch/messages.h"
#include "launch/python.h"
#include "run/trace.h"

int formatter_start(const struct options *options, const struct messages *messages,
		    const char *scratch, pid_t *ret_pid, struct trace **ret_trace)
{
	static char program[] = "import sys; from interpose.commands import main; "
				"sys.exit(main())";
	struct python python;
	char number[16];
	char *arguments[] = {"-c",
			     program,
			     "trace",
			     "--follow-fd",
			     number,
			     "--output",
			     (char *)options->trace,
			     NULL};
	char **words = NULL;
	struct helper_lack lack;
	int ends[2];
	int error = python_find(options->cache, scratch, &python);

	if (error < 0)
		return error;
	if (helper_lacks_memory(HELPER_FORMATS, &lack)) {
		message_ill(messages, lack.advice, "--trace %s", lack.needs);
		return -EIO;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", ends[0]);
	words = python_words(&python, arguments);
	error = words ? helper_start(python.path, words, ends[0], ret_pid) : -ENOMEM;
	free(words);
	close(ends[0]);
	if (error == 0) {
		*ret_trace = trace_open(ends[1]);
		if (*ret_trace)
			return 0;
		error = -ENOMEM;
	}
	close(ends[1]);
	return error;
}
