/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that the kernel runs by an interpreter of binfmt_misc, if anybody registered
 * one: it finds and starts the interpreter, we see to the names. It chooses by the
 * first bytes or by what follows the last dot of the name, and gives the name as
 * argv[1] (load_misc_binary() of Linux' fs/binfmt_misc.c). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/binfmt.h"
#include "exec/program.h"
#include "find/look.h"
#include "index/lookup.h"
#include "run/scratch.h"

/* A link in the scratch whose name ends as `called` does. */
static void use_alias(struct program *program, const struct run *run,
		      const char *called)
{
	const char *dot = strrchr(called, '.');
	const char *ending = dot && !strchr(dot, '/') ? dot : "";
	char alias[TARGET_PATH_SIZE], own[SCRATCH_OWN_SIZE];
	uint64_t hash = index_name_hash(program->path, strlen(program->path));
	int len = snprintf(alias, sizeof(alias), "%s/i/%llx%s", run->scratch.path,
			   (unsigned long long)hash, ending);

	scratch_folder(&run->scratch, 'i');
	if ((size_t)len < sizeof(alias) &&
	    (symlink(program->path, scratch_own(&run->scratch, alias, own)) == 0 ||
	     errno == EEXIST))
		memcpy(program->path, alias, (size_t)len + 1);
}

void binfmt_find(struct program *program, const struct target *target,
		 const struct image *image, const char *called)
{
	program->binfmt.dev = image->st.st_dev;
	program->binfmt.ino = image->st.st_ino;
	snprintf(program->binfmt.called, sizeof(program->binfmt.called), "%s", called);
	if (target->kind != TARGET_HOST)
		use_alias(program, target->call.run, called);
}

bool binfmt_tell(struct tracee *tracee, const struct binfmt *binfmt)
{
	const size_t width = arch_pointer_size(&tracee->stop.regs);
	const uint64_t argv = arch_sp(&tracee->stop.regs) + width; /* behind argc */
	char path[32], text[TARGET_PATH_SIZE];
	uint64_t word = 0;
	struct stat st;
	int len;

	snprintf(path, sizeof(path), "/proc/%d/exe", tracee->tid);
	if (!binfmt->called[0] || look_known(AT_FDCWD, path, 0, &st) < 0 ||
	    (st.st_dev == binfmt->dev && st.st_ino == binfmt->ino))
		return false;
	if (tracee_read_pointers(tracee, argv + width, &word, 1) < 0)
		return true;
	len = tracee_read_string(tracee, word, text, sizeof(text));
	if (len <= 0 || (size_t)len < strlen(binfmt->called))
		return true;
	memset(text, 0, (size_t)len);
	memcpy(text, binfmt->called, strlen(binfmt->called));
	tracee_write(tracee, word, text, (size_t)len);
	return true;
}
