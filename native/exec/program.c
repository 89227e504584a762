/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the name in execve() to the file that the kernel can execute: `#!` lines, and
 * interpreters (PT_INTERP) that lie in /cvmfs and that the kernel could not open. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "exec/program.h"
#include "find/footing.h"
#include "find/look.h"
#include "find/procfs.h"
#include "find/seen.h"
#include "find/standins.h"
#include "given/content.h"
#include "given/passing.h"
#include "run/broken.h"
#include "run/mounts.h"
#include "run/scratch.h"

static int fail(struct program *program, int error)
{
	program->error = error;
	return -1;
}

static int wait_for(struct program *program, const struct call *call)
{
	program->question = call->question;
	return -1;
}

/* do_open_execat(): a regular file that may be executed. */
int program_check(struct target *target)
{
	const struct interpose_entry *entry = &target->walk.entry;

	if (target->walk.at.kind == PLACE_ENTRY && S_ISLNK(entry->mode))
		return ELOOP; /* not followed, or named by a descriptor */
	if (target->walk.at.kind != PLACE_ENTRY || !S_ISREG(entry->mode))
		return EACCES;
	if (!(entry->mode & 0111))
		return EACCES;
	return seen_access(&target->call, &target->walk.at, entry, X_OK);
}

/* O_PATH of an absolute path in the tracee's mounts; LOOK_WAITS or a negative errno. */
static int open_elsewhere(struct call *call, const char *path)
{
	_cleanup_close_ int root = -1;

	if (!footing_of(call->run, call->tracee)->other_mounts)
		return look_open(call, AT_FDCWD, path, 0, 0);
	root = footing_root(call->run, call->tracee);
	if (root < 0)
		return root;
	path += strspn(path, "/");
	return look_open(call, root, path[0] ? path : ".", 0, 0);
}

/* A host file as the tracee would name it, O_PATH; LOOK_WAITS or a negative errno. */
static int open_host(struct call *call, const struct name *name)
{
	const char *path = name->text;
	struct target located;
	int dir, file;

	if (path[0] && footing_of(call->run, call->tracee)->other_mounts) {
		/* Links on the way begin at its root, not at ours. */
		target_locate(&located, call, name->dirfd, path);
		call->question = located.call.question;
		if (located.kind == TARGET_QUESTION)
			return LOOK_WAITS;
		if (located.kind != TARGET_ELSEWHERE)
			return -ENOENT;
		return open_elsewhere(call, located.elsewhere);
	}
	dir = look_directory(call->tracee, path[0] == '/' ? AT_FDCWD : name->dirfd);
	if (dir < 0 || !path[0])
		return dir;
	file = look_open(call, dir, path, 0, 0);
	close(dir);
	return file;
}

/* Reads it (`file` is consumed); -1: `question` or `error`. */
static int open_image(struct program *program, struct call *call, int file,
		      struct image *ret_image)
{
	int result = file;

	if (file >= 0) {
		result = image_open(call, file, ret_image);
		close(file);
	}
	if (result == LOOK_WAITS)
		return wait_for(program, call);
	if (result < 0)
		return fail(program, -result);
	if (!ret_image->error)
		return 0;
	image_close(ret_image);
	return fail(program, ret_image->error);
}

/* Fills program->path and reads what is there; -1: `question` or `error`. */
static int open_target(struct program *program, struct target *target,
		       const struct name *name, struct image *ret_image)
{
	struct call *call = &target->call;
	enum verdict verdict;
	char own[SCRATCH_OWN_SIZE];
	int error, file;

	program->is_object = program->is_own = target->kind == TARGET_OURS;
	program->ours |= target->kind != TARGET_HOST;
	if (target->kind == TARGET_QUESTION)
		return wait_for(program, call);
	if (target->kind == TARGET_MISSING)
		return fail(program, target->walk.error);
	if (target->kind == TARGET_HOST || target->kind == TARGET_ELSEWHERE) {
		struct name led = {AT_FDCWD, target->elsewhere, NULL, false};

		if (target->kind == TARGET_ELSEWHERE)
			name = &led;
		snprintf(program->path, sizeof(program->path), "%s", name->text);
		return open_image(program, call, open_host(call, name), ret_image);
	}
	error = program_check(target);
	if (error)
		return fail(program, error);
	program->place = target->walk.at;
	if (!content_path(target, program->path, sizeof(program->path), &verdict)) {
		program->question = target->call.question;
		return verdict == VERDICT_WAIT ? -1 : fail(program, EIO);
	}
	/* As ourselves: scratch and caches may be shut to whoever the process is. */
	file = open(scratch_own(&call->run->scratch, program->path, own),
		    O_PATH | O_CLOEXEC);
	return open_image(program, call, file < 0 ? -errno : file, ret_image);
}

static void prepend(struct program *program, const char *argument)
{
	size_t len = strlen(argument) + 1;

	if (len > sizeof(program->prefix) - program->prefix_len)
		return;
	memmove(program->prefix + len, program->prefix, program->prefix_len);
	memcpy(program->prefix, argument, len);
	program->prefix_len += len;
	program->prefix_count++;
}

static void drop_first(struct program *program)
{
	size_t len = strlen(program->prefix) + 1;

	program->prefix_len -= len;
	program->prefix_count--;
	memmove(program->prefix, program->prefix + len, program->prefix_len);
}

static int copy_failed(struct program *program, const struct call *call, int result)
{
	broken_tell(call->run, BROKEN_SCRATCH, call->run->scratch.path, result);
	return fail(program, result == -ENOMEM ? ENOMEM : EIO);
}

/* A copy in the scratch stands for the host's program `image`. */
static void note_copy(struct program *program, const struct call *call,
		      const struct image *image)
{
	char own[SCRATCH_OWN_SIZE];
	struct standin standin = {.proc_file = ""};
	int copy = open(scratch_own(&call->run->scratch, program->path, own),
			O_PATH | O_CLOEXEC);

	procfs_path_for(call->run, call->tracee, image->fd, program->host_exe);
	snprintf(standin.path, sizeof(standin.path), "%s", program->host_exe);
	standin.shown = image->st;
	if (copy >= 0)
		standins_note(call->run, copy, &standin);
	if (copy >= 0)
		close(copy);
}

/* An ELF file, or what the kernel refuses by itself: its interpreter may be ours. */
static int finish_elf(struct program *program, struct target *target,
		      const struct image *image, const struct name *name)
{
	char path[TARGET_PATH_SIZE], own[SCRATCH_OWN_SIZE];
	struct target found;
	enum verdict verdict;
	struct stat st;
	int result;

	if (program->ours && image->is_foreign) {
		binfmt_find(program, target, image, name->shown);
		return 0;
	}
	if (!image->interpreter[0])
		return program->ours ? 0 : 1;
	target_find(&found, target->call.run, target->call.tracee, AT_FDCWD,
		    image->interpreter, TARGET_FOLLOW);
	if (found.kind == TARGET_HOST)
		return program->ours ? 0 : 1;
	if (found.kind == TARGET_QUESTION)
		return wait_for(program, &found.call);
	if (found.kind == TARGET_MISSING)
		return fail(program, found.walk.error);
	if (found.kind == TARGET_ELSEWHERE) {
		snprintf(path, sizeof(path), "%s", found.elsewhere);
	} else {
		result = program_check(&found);
		if (result)
			return fail(program, result);
		if (!content_path(&found, path, sizeof(path), &verdict)) {
			program->question = found.call.question;
			return verdict == VERDICT_WAIT ? -1 : fail(program, EIO);
		}
		/* The kernel opens an interpreter by its name alone. */
		if (passing_is_needed(&found.call, path)) {
			passing_say(found.call.run);
			return fail(program, EIO);
		}
	}
	result = image_copy(&target->call, image, path, program->path,
			    sizeof(program->path));
	if (result == LOOK_WAITS)
		return wait_for(program, &target->call);
	if (result < 0)
		return copy_failed(program, &target->call, result);
	if (program->is_object &&
	    stat(scratch_own(&target->call.run->scratch, program->path, own), &st) == 0)
		nodes_learn(target->call.run, &st, NODE_OBJECT, &program->place);
	program->is_own = true;
	/* A copy stands for it: /proc/self/exe goes on to name the original. */
	if (!program->is_object)
		note_copy(program, &target->call, image);
	program->ours = true;
	return 0;
}

/* One level. `next` is set to the interpreter that a `#!` line leads on to, else empty.
 */
static int step(struct program *program, struct target *target, const struct name *name,
		char *next)
{
	const char *interpreter, *argument;
	struct image image;
	int result;

	next[0] = '\0';
	if (open_target(program, target, name, &image) < 0)
		return program->ours || program->question ? -1 : 1;
	result = image_script(image.line, &interpreter, &argument);
	if (result == 0 && target->kind != TARGET_OURS && !image.may_execute) {
		result = fail(program, EACCES);
	} else if (result == 0 && name->closes) {
		result = fail(program, ENOENT);
	} else if (result == 0) {
		/* remove_arg_zero(): the name that stood first gives way to the path.
		 */
		if (program->prefix_count)
			drop_first(program);
		prepend(program, name->shown);
		if (argument)
			prepend(program, argument);
		prepend(program, interpreter);
		snprintf(next, TARGET_PATH_SIZE, "%s", interpreter);
	} else if (result < 0) {
		result = fail(program, -result);
	} else {
		result = finish_elf(program, target, &image, name);
	}
	image_close(&image);
	return result;
}

int program_find(struct program *program, struct target *target,
		 const struct name *name)
{
	struct run *run = target->call.run;
	struct tracee *tracee = target->call.tracee;
	char next[TARGET_PATH_SIZE], text[TARGET_PATH_SIZE];
	struct name at = *name;
	struct target found;
	int result = 0;

	memset(program, 0, offsetof(struct program, prefix));
	for (int depth = 0; depth <= EXEC_MAX_DEPTH; depth++) {
		result = step(program, depth ? &found : target, &at, next);
		if (!next[0])
			break;
		memcpy(text, next, sizeof(text));
		at = (struct name){AT_FDCWD, text, text, name->closes};
		target_find(&found, run, tracee, AT_FDCWD, text,
			    TARGET_FOLLOW | TARGET_EXECUTES);
	}
	if (next[0])
		result = fail(program, ELOOP);
	return result < 0 && !program->ours && !program->question ? 1 : result;
}
