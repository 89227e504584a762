/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets the stub, and when. */
#include "fast/fast.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fast/inner.h"
#include "find/footing.h"
#include "find/look.h"
#include "run/nodes.h"
#include "run/slowmounts.h"
#include "tracee/kernel.h"
#include "tracee/memory.h"

/* Names of the host mean what the host has: no row of the table of prefixes changes
 * that, and there is no /cvmfs to which a name could lead without us. */
static bool names_are_plain(const struct run *run)
{
	const struct prefixes *prefixes = &run->prefixes;
	struct stat st;

	return prefixes->count == 1 && prefixes->top && !prefixes->rules &&
	       prefixes->root_modes == PREFIX_ALL && !run->prefer_host &&
	       strcmp(prefixes->top->path, PREFIX_REPOSITORIES) == 0 &&
	       lstat(PREFIX_REPOSITORIES, &st) < 0 && errno == ENOENT;
}

/* Our own file, and where in it the code of the stub is. */
static bool find_code(struct fast *fast)
{
	const uint64_t code = (uint64_t)(uintptr_t)stub_section;
	unsigned long first, end, offset, inode;
	unsigned int high, low;
	char line[PATH_MAX + 128];
	ssize_t len =
		readlink("/proc/self/exe", fast->program, sizeof(fast->program) - 1);
	bool found = false;
	FILE *maps;

	if (len <= 0 || fast->program[0] != '/')
		return false;
	fast->program[len] = '\0';
	maps = fopen("/proc/self/maps", "re");
	while (maps && !found && fgets(line, sizeof(line), maps)) {
		found = sscanf(line, "%lx-%lx %*s %lx %x:%x %lu", &first, &end, &offset,
			       &high, &low, &inode) == 6 &&
			code >= first && code + STUB_STATE_AT <= end;
		fast->file_offset = offset + code - first;
		fast->file_dev = makedev(high, low);
		fast->file_ino = inode;
	}
	if (maps)
		fclose(maps);
	return found && fast->file_offset % STUB_PAGE == 0;
}

/* One page for all processes, which has no name and goes with the last of them; without
 * it each counts for itself, and nobody reads it. */
static void make_count(struct fast *fast)
{
	int id = shmget(IPC_PRIVATE, STUB_PAGE, IPC_CREAT | 0600);
	void *page = id < 0 ? NULL : shmat(id, NULL, SHM_RDONLY);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	if (!page || (intptr_t)page == -1)
		return;
	fast->count_id = id;
	fast->count = page;
}

int fast_create(struct run *run, const struct call_numbers *numbers,
		const struct fast_wishes *wishes)
{
	struct fast *fast;

	if (!stub_section || !names_are_plain(run))
		return 0;
	fast = calloc(1, sizeof(*fast));
	if (!fast)
		return -ENOMEM;
	fast->wishes = *wishes;
	fast->numbers = *numbers;
	fast->recipes = recipes_create(numbers, wishes->cache);
	fast->board = boards_create();
	run->fast = fast;
	if (!fast->recipes || !fast->board ||
	    getrandom(&fast->secret, sizeof(fast->secret), 0) !=
		    (ssize_t)sizeof(fast->secret)) {
		fast_destroy(run);
		return 0;
	}
	/* No number that a program passes by chance. */
	fast->secret |= 1ull << 63 | 1ull << 31;
	fast->count_id = -1;
	return 0;
}

void fast_destroy(struct run *run)
{
	struct fast *fast = run->fast;

	if (!fast)
		return;
	recipes_destroy(fast->recipes);
	free(fast->board);
	if (fast->count)
		shmdt(fast->count);
	free(fast);
	run->fast = NULL;
}

uint64_t fast_secret(const struct run *run)
{
	return run->fast ? run->fast->secret : 0;
}

uint64_t fast_calls(const struct run *run)
{
	return run->fast && run->fast->count ? *run->fast->count : 0;
}

/* ---- who gets it ---- */

static bool is_alone(const struct tracee *tracee)
{
	return tracee->memory->users == 1 && tracee->process->users == 1;
}

static bool stands_on_our_ground(const struct run *run, struct tracee *tracee)
{
	const struct footing *footing = footing_of(run, tracee);

	return !footing->other_root && !footing->other_mounts;
}

/* For good. A filter of the program's own might end it for a call that it did not make
 * itself; and after a fault only one of two stacks would be as it was. */
static bool may_have(const struct run *run, struct tracee *tracee)
{
	struct kernel_thread thread;

	if (run->fast->dead || tracee->memory->narrow ||
	    !stands_on_our_ground(run, tracee))
		return false;
	thread = kernel_thread(tracee->tid);
	return !thread.shadow_stack &&
	       thread.filters == run->filters + tracee->process->filters;
}

/* What the process executes; an interpreter's scripts are one program. False: not known
 * without waiting. */
static bool look_at_program(const struct tracee *tracee,
			    struct hot_program *ret_program)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", tracee->tid);
	if (look_known(AT_FDCWD, path, 0, &st) < 0)
		return false;
	*ret_program = (struct hot_program){st.st_dev, st.st_ino};
	return true;
}

static bool is_hot(const struct fast *fast, const struct tracee *tracee)
{
	struct hot_program program;

	if (!fast->hot_count || !look_at_program(tracee, &program))
		return false;
	for (size_t i = 0; i < fast->hot_count; i++)
		if (fast->hot[i].ino == program.ino && fast->hot[i].dev == program.dev)
			return true;
	return false;
}

/* The oldest one makes room. */
static void note_hot(struct fast *fast, const struct tracee *tracee)
{
	struct hot_program program;

	if (is_hot(fast, tracee) || !look_at_program(tracee, &program))
		return;
	fast->hot[fast->hot_next] = program;
	fast->hot_next = (fast->hot_next + 1) % HOT_PROGRAMS;
	if (fast->hot_count < HOT_PROGRAMS)
		fast->hot_count++;
}

/* Is it time? Its program may have been hot before. */
static bool has_called_enough(struct fast *fast, struct tracee *tracee)
{
	struct foothold *foothold = &tracee->memory->foothold;

	foothold->calls++;
	if (foothold->calls == 1 && is_hot(fast, tracee))
		foothold->calls = fast->wishes.after + 1;
	else if (foothold->calls == fast->wishes.after)
		note_hot(fast, tracee);
	return foothold->calls >= fast->wishes.after;
}

/* The call at hand comes from a place that could be patched. */
static enum site_kind fits(const struct run *run, struct tracee *tracee, uint64_t call)
{
	const uint64_t first = call + SITE_CALL - SITE_BYTES;
	uint8_t bytes[SITE_BYTES];

	if (!tracee_is_there(tracee, first, sizeof(bytes)) ||
	    memory_move_now(tracee, first, bytes, sizeof(bytes), false) !=
		    (ssize_t)sizeof(bytes))
		return SITE_NONE;
	return site_fits(bytes, &run->fast->numbers);
}

/* The text of the call at hand is read, if nobody has done so yet. True: wait. */
static bool read_text(struct run *run, struct tracee *tracee, const struct texts *texts,
		      uint64_t site, enum verdict *ret_verdict)
{
	const enum site_kind kind = fits(run, tracee, site);
	struct call call = {.run = run, .tracee = tracee};
	const struct text *text = texts_find(texts, site);

	if (!text)
		return false;
	if (recipes_read(run->fast->recipes, &call, text) == LOOK_WAITS) {
		tracee->question = call.question;
		*ret_verdict = VERDICT_WAIT;
		return true;
	}
	recipes_learn(run->fast->recipes, text,
		      (uint32_t)(site - SITE_MOV - text->first + text->offset), kind);
	return false;
}

/* What is not needed by runs in which no program is hot. */
static bool prepare(struct run *run)
{
	struct fast *fast = run->fast;

	if (fast->is_prepared)
		return true;
	if (!find_code(fast)) {
		fast->dead = true;
		return false;
	}
	fast->is_prepared = true;
	fast->proc_elsewhere = slowmounts_other_proc(run->slow);
	if (fast->wishes.counting)
		make_count(fast);
	return true;
}

static bool begin(struct run *run, struct tracee *tracee, enum verdict *ret_verdict)
{
	struct foothold *foothold = &tracee->memory->foothold;
	const uint64_t call = arch_ip(&tracee->stop.regs) - SITE_CALL;
	struct foothold_site site = {.call = call};
	struct texts texts;
	bool begun;

	if (!is_alone(tracee) || foothold_knows(foothold, call))
		return false;
	if (!fits(run, tracee, call)) { /* musl's, Go's: not looked at again */
		foothold_learn(foothold, &site);
		return false;
	}
	if (!may_have(run, tracee) || !prepare(run) ||
	    texts_read(tracee, call, &texts) < 0) {
		foothold->state = FOOTHOLD_REFUSED;
		return false;
	}
	begun = read_text(run, tracee, &texts, call, ret_verdict) ||
		loading_begin(run, tracee, &texts, ret_verdict);
	texts_deinit(&texts);
	return begun;
}

/* A call stops although the stub is there: its place may not be patched yet. */
static bool learn(struct run *run, struct tracee *tracee, enum verdict *ret_verdict)
{
	struct foothold *foothold = &tracee->memory->foothold;
	struct foothold_site site = {.call = arch_ip(&tracee->stop.regs) - SITE_CALL};
	struct texts texts;
	bool waits = false;

	if (foothold_knows(foothold, site.call) || !is_alone(tracee))
		return false;
	if (!fits(run, tracee, site.call)) {
		foothold_learn(foothold, &site);
		return false;
	}
	if (texts_read(tracee, site.call, &texts) < 0)
		return false;
	waits = read_text(run, tracee, &texts, site.call, ret_verdict);
	if (!waits)
		patching_all(run, tracee, &texts);
	texts_deinit(&texts);
	return waits;
}

/* By our name another file may be there by now, with the same bytes and an owner who
 * can change them. */
static bool is_our_file(const struct fast *fast, const struct tracee *tracee,
			const struct texts *texts)
{
	const struct text *text = texts_find(texts, tracee->memory->foothold.base);

	return text && text->ino == fast->file_ino && text->dev == fast->file_dev;
}

static void loaded(struct run *run, struct tracee *tracee)
{
	struct texts texts;

	if (!loading_ended(run, tracee) ||
	    texts_read(tracee, arch_ip(&tracee->stop.regs), &texts) < 0)
		return;
	if (is_our_file(run->fast, tracee, &texts))
		patching_all(run, tracee, &texts);
	else
		tracee->memory->foothold.state = FOOTHOLD_REFUSED;
	texts_deinit(&texts);
}

bool fast_enter(struct run *run, struct tracee *tracee, bool answers,
		enum verdict *ret_verdict)
{
	struct foothold *foothold = &tracee->memory->foothold;

	if (!run->fast || tracee->stop.regs.abi != ARCH_OWN)
		return false;
	foothold->wants_board = answers;
	tracee->was_sent_back = tracee->is_sent_back;
	tracee->is_sent_back = false;
	if (foothold->state == FOOTHOLD_LOADING)
		loaded(run, tracee);
	if (!answers)
		return false;
	if (foothold->state == FOOTHOLD_THERE && !foothold->dead) {
		telling_cwd(run, tracee);
		return learn(run, tracee, ret_verdict);
	}
	if (foothold->state != FOOTHOLD_NONE || !has_called_enough(run->fast, tracee))
		return false;
	return begin(run, tracee, ret_verdict);
}
