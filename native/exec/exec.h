/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execve: the handlers, and what the new program is told about itself. */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "tracee/tracee.h"

HANDLER(enter_execve);
HANDLER(enter_execveat);

/* What execve() left for its event: the name to tell, NULL: none; and /proc/self/exe.
 */
const char *exec_shown(const struct tracee *tracee);
/* The name for comm, in the text `shown` or of its own. */
const char *exec_comm(const struct tracee *tracee);
int exec_take_identity(struct tracee *tracee);
/* At the exec event and when a tracee is gone. */
enum verdict exec_event(struct run *run, struct tracee *tracee);
void exec_forget(struct tracee *tracee);

#endif
