/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four moments of a tracee: entry, exit, exec event, end. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "exec/exec.h"
#include "fast/fast.h"
#include "find/errand.h"
#include "find/footing.h"
#include "find/look.h"
#include "given/passing.h"
#include "proc/snapshot.h"
#include "run/mounts.h"
#include "run/slowmounts.h"
#include "syscalls/handlers.h"
#include "tracee/kernel.h"

enum { MAX_MENDS = 8 };

const struct syscall_table syscall_tables[ARCH_ABIS] = {
	[ARCH_OWN] = {syscall_rows, &syscall_row_count},
	[ARCH_I386] = {syscall_rows_i386, &syscall_row_count_i386},
};

static const struct syscall_row *find_row(const struct stop *stop)
{
	const struct syscall_table *table = &syscall_tables[stop->regs.abi];

	for (size_t i = 0; i < *table->count; i++) {
		if (table->rows[i].number == stop->number && stop->number >= 0)
			return &table->rows[i];
	}
	return NULL;
}

/* A thread in a loop makes the same call again: try the row of its last stop first. */
static const struct syscall_row *row_of(struct tracee *tracee)
{
	const struct syscall_row *row = tracee->stop.row;

	if (!row || row->number != tracee->stop.number)
		row = find_row(&tracee->stop);
	return row;
}

/* After chroot or pivot_root a name means something else; said where it matters. */
static void note_other_root(struct run *run, struct tracee *tracee)
{
	char path[sizeof(PREFIX_REPOSITORIES "/")];
	const size_t size = sizeof(PREFIX_REPOSITORIES);

	for (unsigned int i = 0; i < 4 && !run_has_said(run, SAID_OTHER_ROOT); i++) {
		if (tracee->stop.row->kinds[i] != ARG_PATH ||
		    tracee_read(tracee, tracee->stop.args[i], path, size) < 0 ||
		    memcmp(path, PREFIX_REPOSITORIES, size - 1) != 0 ||
		    (path[size - 1] && path[size - 1] != '/'))
			continue;
		run_say_once(run, SAID_OTHER_ROOT,
			     PREFIX_REPOSITORIES
			     " is not shown to a process with another root: chroot "
			     "(start interpose_run inside of it)");
	}
}

/* What begins at a descriptor or working directory of ours is still ours to answer: the
 * kernel would look into the scratch. */
static bool starts_in_ours(struct run *run, struct tracee *tracee)
{
	const struct syscall_row *row = tracee->stop.row;
	const uint64_t *args = tracee->stop.args;
	struct stat st;
	char first;

	for (unsigned int i = 0; i < sizeof(row->kinds) / sizeof(row->kinds[0]); i++) {
		bool at = i > 0 && row->kinds[i - 1] == ARG_DIRFD;

		if (row->kinds[i] == ARG_PATH &&
		    (tracee_read(tracee, args[i], &first, 1) < 0 || first != '/') &&
		    look_inode_node(run, tracee, at ? (int)args[i - 1] : AT_FDCWD, &st))
			return true;
	}
	return false;
}

static bool has_path(const struct syscall_row *row)
{
	for (size_t i = 0; i < sizeof(row->kinds) / sizeof(row->kinds[0]); i++) {
		if (row->kinds[i] == ARG_PATH)
			return true;
	}
	return false;
}

/* Who has left the root of all may come back to it: bwrap(1) does. */
static bool changes_root(const struct syscall_row *row)
{
	return row->enter == enter_chroot || row->enter == enter_pivot_root;
}

/* Whose mounts may be slow. */
static void choose_mounts(struct run *run, struct tracee *tracee)
{
	slowmounts_choose(run->slow,
			  footing_of(run, tracee)->other_mounts ? tracee->tid : 0);
}

/* With the stub it would not have stopped. execve(2) is as a rule of what is there. */
static bool is_spared(const struct syscall_row *row)
{
	return row->stub == ROW_STUB_ANSWERS || row->stub == ROW_STUB_LEADS;
}

static enum verdict decide(struct run *run, struct tracee *tracee)
{
	enum verdict verdict = VERDICT_PASS;

	if (tracee->passing && passing_goes_on(tracee, &verdict))
		return verdict;
	tracee->stop.row = row_of(tracee);
	tracee->stop.leave = NULL;
	if (tracee->stop.row && !kernel_knows_call(tracee->stop.number))
		return VERDICT_PASS;
	choose_mounts(run, tracee);
	if (fast_enter(run, tracee, tracee->stop.row && is_spared(tracee->stop.row),
		       &verdict))
		return verdict;
	if (tracee->stop.row && tracee->footing->other_root &&
	    has_path(tracee->stop.row) && !changes_root(tracee->stop.row) &&
	    !starts_in_ours(run, tracee))
		note_other_root(run, tracee);
	else if (tracee->stop.row)
		verdict = tracee->stop.row->enter(run, tracee);
	return verdict;
}

/* What was decided while an index broke is forgotten: the tracee has seen none of it.
 * A file that breaks again and again is an error at last. */
static enum verdict decide_with_whole_indexes(struct run *run, struct tracee *tracee)
{
	enum verdict verdict = decide(run, tracee);
	uint32_t question;

	for (int tries = 0; tries < MAX_MENDS && verdict != VERDICT_WAIT &&
			    mounts_mend(run, &question);
	     tries++) {
		tracee_undo(tracee);
		if (question) {
			tracee->question = question;
			return VERDICT_WAIT;
		}
		verdict = decide(run, tracee);
	}
	return verdict;
}

enum verdict syscalls_enter(struct run *run, struct tracee *tracee)
{
	enum verdict verdict;

	mounts_trim(run->mounts);
	tracee->stop.deciding = true;
	verdict =
		errand_for_memory(run, tracee, decide_with_whole_indexes(run, tracee));
	tracee->stop.deciding = false;
	/* Who executes what is not there goes on to look, with what the stub is told.
	 */
	if (verdict == VERDICT_ANSWER && tracee->stop.row &&
	    tracee->stop.row->stub == ROW_STUB_REFUSES)
		tracee->memory->foothold.wants_board = true;
	fast_decided(run, tracee);
	/* A call of ours instead of it, after which it comes again: they still hold. */
	if (verdict != VERDICT_WAIT &&
	    !(verdict == VERDICT_AT_EXIT && tracee->stop.interrupted))
		tracee_forget_errands(tracee);
	switch (verdict) {
	case VERDICT_ANSWER:
		run->counters.answered++;
		break;
	case VERDICT_AT_EXIT:
		run->counters.redirected++;
		break;
	case VERDICT_WAIT:
		return verdict;
	case VERDICT_PASS:
		break;
	}
	tracee->question = 0;
	return verdict;
}

enum verdict syscalls_leave(struct run *run, struct tracee *tracee)
{
	stop_handler leave = tracee->stop.leave;
	enum verdict verdict;

	if (!leave || tracee_fetch_result(tracee) < 0)
		return VERDICT_PASS;
	choose_mounts(run, tracee);
	verdict = leave(run, tracee);
	fast_decided(run, tracee);
	return verdict;
}

enum verdict syscalls_exec(struct run *run, struct tracee *tracee)
{
	passing_forget(tracee);
	choose_mounts(run, tracee);
	return exec_event(run, tracee);
}

bool syscalls_is_exec(const struct tracee *tracee)
{
	const struct syscall_row *row = tracee->stop.row;

	return row && (row->enter == enter_execve || row->enter == enter_execveat);
}

void syscalls_gone(struct run *run, struct tracee *tracee)
{
	snapshot_gone(run, tracee);
	passing_forget(tracee);
	exec_forget(tracee);
}
