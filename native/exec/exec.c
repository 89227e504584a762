/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execve, execveat. The kernel executes an object of the cache; the program is told its
 * name in /cvmfs: argv of scripts, AT_EXECFN, comm, /proc/self/exe.
 */
#include "exec/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "exec/program.h"
#include "given/content.h"
#include "given/passing.h"
#include "run/mounts.h"
#include "run/trace.h"
#include "tracee/descriptors.h"
#include "tracee/kernel.h"

enum { MAX_ARGUMENTS = 1 << 20, EXECVE_CHECK = 0x10000 };

/* From execve's entry to its event or its failure. */
struct pending_exec {
	char shown[TARGET_PATH_SIZE]; /* AT_EXECFN, and comm after its last slash */
	char exe[TARGET_PATH_SIZE];   /* for /proc/self/exe; "": the kernel's own */
	char comm[16];		      /* "": what `shown` ends with */
	struct binfmt binfmt;
	bool renamed;		  /* the event has to tell the program its name */
	uint64_t area, area_size; /* mapped for long argument lists */
};

void exec_forget(struct tracee *tracee)
{
	free(tracee->pending_exec);
	tracee->pending_exec = NULL;
}

static enum verdict leave_exec(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);
	enum verdict verdict;

	exec_forget(tracee);
	if (content_vanished(run, tracee, result, &verdict))
		return verdict;
	return tracee_finish(tracee, result);
}

/* ---- the new argument list ---- */

/* Bytes from `address` to the end of its page: the next one may be unmapped. */
static size_t in_page(uint64_t address)
{
	return 4096 - address % 4096;
}

/* argv[0] of a script is dropped, but not before the kernel has looked at it
 * (copy_strings): at most 32 pages. */
static int64_t check_word(struct tracee *tracee, uint64_t address)
{
	char page[4096];

	for (int i = 0; i < 32; i++, address += sizeof(page)) {
		int len = tracee_read_string(tracee, address, page, sizeof(page));

		if (len != -ENAMETOOLONG)
			return len < 0 ? -EFAULT : 0;
	}
	return -E2BIG;
}

/* Copies the pointers argv[1...] with their NULL, page by page; a negative errno. */
static int64_t read_pointers(struct tracee *tracee, uint64_t argv, uint64_t **ret_list)
{
	const size_t width = arch_pointer_size(&tracee->stop.regs);
	uint64_t first = 0, *list = calloc(1, sizeof(*list)), *grown;
	int64_t result;
	size_t count = 0;

	*ret_list = list;
	if (!list)
		return -ENOMEM;
	if (argv && tracee_read_pointers(tracee, argv, &first, 1) < 0)
		return -EFAULT;
	if (!first)
		return 1;
	result = check_word(tracee, first);
	if (result < 0)
		return result;
	for (argv += width; count < MAX_ARGUMENTS;) {
		size_t more = in_page(argv) / width;

		more = more ? more : 1;
		grown = realloc(list, (count + more) * sizeof(*list));
		if (!grown)
			return -ENOMEM;
		*ret_list = list = grown;
		if (tracee_read_pointers(tracee, argv, list + count, more) < 0)
			return -EFAULT;
		argv += more * width;
		for (size_t end = count + more; count < end;) {
			if (!list[count++])
				return (int64_t)count;
		}
	}
	return -E2BIG;
}

static enum verdict leave_area(struct run *run, struct tracee *tracee)
{
	struct pending_exec *pending = tracee->pending_exec;
	int64_t address = arch_result(&tracee->stop.regs);

	(void)run;
	if (!pending || (address < 0 && address > -4096)) {
		exec_forget(tracee);
		return tracee_finish(tracee, -ENOMEM);
	}
	pending->area = (uint64_t)address;
	return tracee_again(tracee);
}

/* Strings and pointers of the new argv at `base`; the pointers stand behind. */
static int write_arguments(struct tracee *tracee, const struct program *program,
			   uint64_t base, const uint64_t *rest, size_t rest_count)
{
	uint64_t heads[EXEC_MAX_PREFIX + 1];
	uint64_t pointers = (base + program->prefix_len + 7) & ~7ull;
	size_t at = 0, width = arch_pointer_size(&tracee->stop.regs);

	for (uint32_t i = 0; i < program->prefix_count; i++) {
		heads[i] = base + at;
		at += strlen(program->prefix + at) + 1;
	}
	if (tracee_write(tracee, base, program->prefix, program->prefix_len) < 0 ||
	    tracee_write_pointers(tracee, pointers, heads, program->prefix_count) < 0 ||
	    tracee_write_pointers(tracee, pointers + program->prefix_count * width,
				  rest, rest_count) < 0)
		return -EFAULT;
	return 0;
}

/* The slot has the path in its first half; arguments go behind it, or to an area. */
static enum verdict set_arguments(struct tracee *tracee, const struct program *program,
				  unsigned int argv_position, uint64_t slot)
{
	struct pending_exec *pending = tracee->pending_exec;
	uint64_t base = slot + TRACEE_SLOT_SIZE / 2, size;
	_cleanup_free_ uint64_t *rest = NULL;
	int64_t count = read_pointers(tracee, tracee->stop.args[argv_position], &rest);
	int result;

	if (count < 0) {
		tracee_free_slot(tracee);
		return tracee_answer(tracee, count);
	}
	size = program->prefix_len + 8 + (program->prefix_count + (uint64_t)count) * 8;
	if (size > TRACEE_SLOT_SIZE / 2 && pending->area_size < size) {
		tracee_free_slot(tracee);
		pending->area_size = (size + 4095) & ~4095ull;
		return tracee_map_instead(tracee, pending->area_size, leave_area);
	}
	if (size > TRACEE_SLOT_SIZE / 2)
		base = pending->area;
	result = write_arguments(tracee, program, base, rest, (size_t)count);
	if (result < 0) {
		tracee_free_slot(tracee);
		return tracee_answer(tracee, result);
	}
	arch_set_argument(&tracee->stop.regs, argv_position,
			  (base + program->prefix_len + 7) & ~7ull);
	return VERDICT_AT_EXIT;
}

/* ---- the entry ---- */

/* The kernel copies the path to the top of the new stack, where it becomes AT_EXECFN;
 * made at least as long as the name that belongs there, it can be overwritten in place.
 */
static void pad(char *buffer, size_t size, const char *path, size_t at_least)
{
	size_t len = strlen(path), fill = 0;

	if (path[0] == '/' && len < at_least && at_least < size)
		fill = at_least - len;
	memset(buffer, '/', fill);
	snprintf(buffer + fill, size - fill, "%s", path);
}

static size_t longer(const char *one, const char *other)
{
	return strlen(one) > strlen(other) ? strlen(one) : strlen(other);
}

static struct pending_exec *pending_of(struct tracee *tracee)
{
	if (!tracee->pending_exec)
		tracee->pending_exec = calloc(1, sizeof(struct pending_exec));
	return tracee->pending_exec;
}

static enum verdict execute(struct run *run, struct tracee *tracee,
			    const struct program *program, const struct name *name,
			    unsigned int path_position)
{
	const char *shown = name->shown;
	struct redirection redirection = {path_position, NULL};
	struct pending_exec *pending = pending_of(tracee);
	char path[TARGET_PATH_SIZE];
	enum verdict verdict;

	if (!pending)
		return tracee_answer(tracee, -ENOMEM);
	snprintf(pending->shown, sizeof(pending->shown), "%s", shown);
	snprintf(pending->exe, sizeof(pending->exe), "%s", program->host_exe);
	pending->renamed = true;
	if (program->is_object)
		mounts_path(run->mounts, &program->place, pending->exe,
			    sizeof(pending->exe));
	/* Linux 6.14: a program without a path is called as its file is. */
	pending->comm[0] = '\0';
	if (!name->text[0] && program->is_object)
		snprintf(pending->comm, sizeof(pending->comm), "%.15s",
			 strrchr(pending->exe, '/') + 1);
	content_note(run, tracee, &program->place);
	if (!program->is_object)
		tracee->stop.note[0] = PLACE_HOST;
	pending->binfmt = program->binfmt;
	pad(path, sizeof(path), program->path, longer(shown, program->binfmt.called));
	redirection.path = path;
	verdict = tracee_redirect(tracee, &redirection, 1, leave_exec);
	if (verdict != VERDICT_AT_EXIT || tracee->stop.leave != leave_exec)
		return verdict;
	if (path_position == 1) /* execveat's flags were about the name that it had */
		arch_set_argument(&tracee->stop.regs, 4, 0);
	if (program->prefix_count)
		verdict =
			set_arguments(tracee, program, path_position + 1,
				      arch_argument(&tracee->stop.regs, path_position));
	if (verdict == VERDICT_AT_EXIT && tracee->stop.leave == leave_exec &&
	    program->is_own &&
	    passing_is_needed(&(struct call){.run = run, .tracee = tracee},
			      program->path))
		return passing_execute(run, tracee, path, path_position, leave_exec);
	return verdict;
}

/* execve of something that is the host's alone: what a former program was called ends.
 */
static enum verdict execute_host(struct tracee *tracee)
{
	struct pending_exec *pending;

	if (!tracee->process->exe)
		return VERDICT_PASS;
	pending = pending_of(tracee);
	if (pending) {
		pending->renamed = false;
		pending->exe[0] = '\0';
		pending->binfmt.called[0] = '\0';
	}
	return VERDICT_PASS;
}

static enum verdict exec_any(struct run *run, struct tracee *tracee,
			     struct target *target, const struct name *name,
			     unsigned int path_position)
{
	struct program program;
	int result;

	if (target->kind == TARGET_QUESTION)
		return target_wait(target);
	result = program_find(&program, target, name);
	if (result > 0)
		return execute_host(tracee);
	if (result == 0)
		return execute(run, tracee, &program, name, path_position);
	if (program.question) {
		tracee->question = program.question;
		return VERDICT_WAIT;
	}
	exec_forget(tracee);
	return tracee_answer(tracee, -program.error);
}

HANDLER(enter_execve)
{
	char path[TARGET_PATH_SIZE];
	struct name name = {AT_FDCWD, path, path, false};
	struct target target;

	if (tracee_read_string(tracee, tracee->stop.args[0], path, sizeof(path)) <= 0)
		return VERDICT_PASS;
	if (run->trace)
		trace_path(run->trace, 0, path);
	target_find(&target, run, tracee, AT_FDCWD, path,
		    TARGET_FOLLOW | TARGET_EXECUTES);
	return exec_any(run, tracee, &target, &name, 0);
}

/* AT_EXECVE_CHECK (Linux 6.14): may this file be executed? */
static enum verdict check_only(struct target *target)
{
	struct tracee *tracee = target->call.tracee;
	struct redirection redirection = {1, NULL};
	char path[TARGET_PATH_SIZE];
	enum verdict verdict;
	int error;

	if (target->kind == TARGET_HOST)
		return VERDICT_PASS;
	if (target->kind == TARGET_QUESTION)
		return target_wait(target);
	if (target->kind == TARGET_ELSEWHERE)
		return target_elsewhere(target, 1);
	error = target->kind == TARGET_MISSING ? target->walk.error
					       : program_check(target);
	if (error)
		return tracee_answer(tracee, -error);
	if (!content_path(target, path, sizeof(path), &verdict))
		return verdict;
	if (passing_is_needed(&target->call, path))
		return passing_link(target->call.run, tracee, path, 1);
	redirection.path = path;
	return tracee_redirect(tracee, &redirection, 1, tracee_leave_as_is);
}

HANDLER(enter_execveat)
{
	char path[TARGET_PATH_SIZE], shown[TARGET_PATH_SIZE + 32];
	struct name name = {(int)tracee->stop.args[0], path, path, false};
	uint64_t at_flags = (uint32_t)tracee->stop.args[4];
	unsigned int flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : TARGET_FOLLOW;
	struct target target;

	if ((at_flags &
	     ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | EXECVE_CHECK)) ||
	    tracee_read_string(tracee, tracee->stop.args[1], path, sizeof(path)) < 0)
		return VERDICT_PASS;
	if (path[0] == '\0' && !(at_flags & AT_EMPTY_PATH))
		return VERDICT_PASS;
	if (at_flags & EXECVE_CHECK && !kernel_has_execve_check())
		return VERDICT_PASS;
	if (run->trace)
		trace_path(run->trace, 0, path);
	/* Names of alloc_bprm() in Linux' fs/exec.c. */
	if (path[0] != '/' && name.dirfd != AT_FDCWD) {
		snprintf(shown, sizeof(shown), "/dev/fd/%d%s%s", name.dirfd,
			 path[0] ? "/" : "", path);
		name.shown = shown;
		name.closes = descriptors_flags(tracee->tid, name.dirfd) & O_CLOEXEC;
	}
	target_find(&target, run, tracee, name.dirfd, path,
		    flags | TARGET_EMPTY_PATH | TARGET_EXECUTES);
	if (at_flags & EXECVE_CHECK)
		return check_only(&target);
	return exec_any(run, tracee, &target, &name, 1);
}

/* ---- the event: the new program is in place and has not run yet ---- */

const char *exec_shown(const struct tracee *tracee)
{
	const struct pending_exec *pending = tracee->pending_exec;

	return pending && pending->renamed ? pending->shown : NULL;
}

const char *exec_comm(const struct tracee *tracee)
{
	const struct pending_exec *pending = tracee->pending_exec;
	const char *slash = strrchr(pending->shown, '/');

	if (pending->comm[0])
		return pending->comm;
	return slash ? slash + 1 : pending->shown;
}

int exec_take_identity(struct tracee *tracee)
{
	struct pending_exec *pending = tracee->pending_exec;
	char *exe;

	/* What runs then is the interpreter, which is the host's. */
	if (pending && binfmt_tell(tracee, &pending->binfmt))
		pending->exe[0] = '\0';
	exe = pending && pending->exe[0] ? strdup(pending->exe) : NULL;

	free(tracee->process->exe);
	tracee->process->exe = exe;
	return pending && pending->exe[0] && !exe ? -ENOMEM : 0;
}
