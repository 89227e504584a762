/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that is opened in place of one of /proc: a new one in the scratch, which has
 * lost its name when the call is over. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/look.h"
#include "find/standins.h"
#include "given/passing.h"
#include "proc/snapshot.h"
#include "run/scratch.h"

static const char folder[] = "f", pattern[] = "s-XXXXXX";

/* Only plain reading: all else is the kernel's, which refuses most of it. */
static bool is_plain_reading(struct tracee *tracee)
{
	/* The last two are O_LARGEFILE and O_NOFOLLOW, or the reverse: asm/fcntl.h. */
	const uint64_t harmless = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | 0100000 | 0400000;
	const uint64_t *args = tracee->stop.args;
	const struct arch_regs *regs = &tracee->stop.regs;
	long number = tracee->stop.number;
	struct open_how how;

	if (number == arch_call(regs, ARCH_OPEN))
		return !(args[1] & 0xffffffff & ~harmless);
	if (number == arch_call(regs, ARCH_OPENAT))
		return !(args[2] & 0xffffffff & ~harmless);
	return number == arch_call(regs, ARCH_OPENAT2) && args[3] >= sizeof(how) &&
	       tracee_read(tracee, args[2], &how, sizeof(how)) == 0 &&
	       !(how.flags & ~harmless) && how.resolve == 0;
}

static bool write_all(int fd, const struct proctext *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t got = write(fd, text->bytes + done, text->len - done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* What the file is to be taken for. It is in /proc, where nobody has to be waited for,
 * unless something was mounted there since it was found. */
static void note_standin(struct target *target, int fd)
{
	struct call *call = &target->call;
	struct standin standin = {.proc_file = ""};
	int shown = standins_open_path(call, target->elsewhere, false);

	snprintf(standin.path, sizeof(standin.path), "%s", target->elsewhere);
	snprintf(standin.proc_file, sizeof(standin.proc_file), "%s", target->proc_file);
	if (shown >= 0 && !look_may_wait(call, shown) &&
	    fstat(shown, &standin.shown) == 0)
		standins_note(call->run, fd, &standin);
	if (shown >= 0)
		close(shown);
}

/* A new file in the scratch with the text; its path. */
static bool store(struct target *target, const struct proctext *text, char *path,
		  size_t size)
{
	const struct scratch *scratch = &target->call.run->scratch;
	char own[SCRATCH_OWN_SIZE];
	bool good;
	int fd;

	if ((size_t)snprintf(path, size, "%s/%s/%s", scratch->path, folder, pattern) >=
	    size)
		return false;
	scratch_own(scratch, path, own);
	scratch_folder(scratch, *folder);
	fd = mkostemp(own, O_CLOEXEC);
	if (fd < 0)
		return false;
	memcpy(strrchr(path, '/'), strrchr(own, '/'), sizeof(pattern) + 1);
	good = write_all(fd, text) && fchmod(fd, 0400) == 0;
	if (good)
		note_standin(target, fd);
	else
		unlink(own);
	close(fd);
	return good;
}

static enum verdict leave_snapshot(struct run *run, struct tracee *tracee)
{
	snapshot_gone(run, tracee);
	return tracee_leave_as_is(run, tracee);
}

void snapshot_gone(struct run *run, struct tracee *tracee)
{
	char name[sizeof(folder) + sizeof(pattern)];

	if (tracee->stop.leave != leave_snapshot)
		return;
	tracee->stop.leave = NULL;
	snprintf(name, sizeof(name), "%s/%.*s", folder, (int)sizeof(pattern) - 1,
		 (const char *)tracee->stop.note);
	unlinkat(run->scratch.fd, name, 0);
}

/* Of the open that the call is. */
static uint64_t open_flags(struct tracee *tracee)
{
	const struct stop *stop = &tracee->stop;
	struct open_how how = {0};

	if (stop->number == arch_call(&stop->regs, ARCH_OPEN))
		return stop->args[1] & 0xffffffff;
	if (stop->number == arch_call(&stop->regs, ARCH_OPENAT))
		return stop->args[2] & 0xffffffff;
	tracee_read(tracee, stop->args[2], &how, sizeof(how));
	return how.flags;
}

static enum verdict redirect(struct target *target, const struct proctext *text,
			     unsigned int position)
{
	struct run *run = target->call.run;
	struct tracee *tracee = target->call.tracee;
	char path[TARGET_PATH_SIZE], own[SCRATCH_OWN_SIZE];
	struct redirection redirection = {position, path};
	enum verdict verdict;

	_Static_assert(sizeof(pattern) <= sizeof(tracee->stop.note), "a name fits");
	/* First the region, which may make the call run again: no file is left. */
	if (!tracee_slot(tracee, &verdict))
		return verdict;
	if (!store(target, text, path, sizeof(path))) {
		tracee_free_slot(tracee);
		return VERDICT_PASS;
	}
	if (passing_is_needed(&target->call, path)) {
		verdict = passing_open(run, tracee, path, open_flags(tracee),
				       tracee_leave_as_is);
		unlink(scratch_own(&run->scratch, path, own));
		return verdict;
	}
	memcpy(tracee->stop.note, strrchr(path, '/') + 1, sizeof(pattern));
	verdict = tracee_redirect(tracee, &redirection, 1, leave_snapshot);
	if (verdict != VERDICT_AT_EXIT || tracee->stop.leave != leave_snapshot)
		unlink(scratch_own(&run->scratch, path, own));
	return verdict;
}

enum verdict snapshot_open(struct target *target, unsigned int position)
{
	struct run *run = target->call.run;
	struct tracee *tracee = target->call.tracee;
	enum verdict verdict = VERDICT_PASS;
	struct proctext text = {0};
	int made;

	/* Another user may read less than we, and not in our scratch. */
	if (credentials_of(run, tracee)->fsuid != run->uid || !is_plain_reading(tracee))
		return VERDICT_PASS;
	made = snapshot_make(target, &text);
	if (made == LOOK_WAITS)
		verdict = target_wait(target);
	else if (made > 0)
		verdict = redirect(target, &text, position);
	proctext_deinit(&text);
	return verdict;
}
