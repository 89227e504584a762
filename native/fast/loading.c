/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the stub comes into a process: the thread at hand runs the loader (stub/entry.S)
 * instead of its call, from the end of the vdso's pages, which nothing uses, and then
 * makes its call again. Signals are blocked meanwhile, so that nothing else of the
 * process runs. Whether it is there is seen at the call. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "fast/inner.h"
#include "run/openables.h"
#include "tracee/memory.h"

enum { LOADER_MAX = TRACEE_VDSO_ROOM };

static size_t loader_size(void)
{
	return (size_t)(stub_loader_end - stub_loader);
}

/* The loader's arguments, at `at` in the tracee. 0 or a negative errno. */
static int write_arguments(struct run *run, struct tracee *tracee, uint64_t at,
			   const struct stub_load *load)
{
	const struct fast *fast = run->fast;
	const size_t program = strlen(fast->program) + 1;
	char bytes[TRACEE_SLOT_SIZE];

	if (sizeof(*load) + program > sizeof(bytes))
		return -ENAMETOOLONG;
	memcpy(bytes, load, sizeof(*load));
	memcpy(bytes + sizeof(*load), fast->program, program);
	return tracee_write(tracee, at, bytes, sizeof(*load) + program);
}

/* The place of execve(2), which has no second chance to be patched: who calls there is
 * a child that shares this memory, or is gone afterwards. 0: none is known. */
static uint64_t find_execve(const struct run *run, const struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		const struct text *text = &texts->list[i];
		const struct recipe *recipe = recipes_find(run->fast->recipes, text);

		if (recipe && recipe->execves >= text->offset && recipe->execves &&
		    recipe->execves - text->offset < text->end - text->first)
			return text->first + recipe->execves - text->offset;
	}
	return 0;
}

bool loading_begin(struct run *run, struct tracee *tracee, const struct texts *texts,
		   enum verdict *ret_verdict)
{
	struct foothold *foothold = &tracee->memory->foothold;
	struct arch_regs *regs = &tracee->stop.regs;
	struct stub_load load = {.secret = run->fast->secret,
				 .base = texts->gap,
				 .count_id = run->fast->count_id,
				 .file_offset = run->fast->file_offset};
	struct arch_regs changed = *regs;
	uint64_t room, slot;

	foothold->state = FOOTHOLD_REFUSED;
	if (!texts->gap || loader_size() > LOADER_MAX || tracee->memory->borrowed)
		return false;
	/* First, for where there is none a slot might not be had either, and then the
	 * program's call would fail. */
	room = tracee_vdso_tail(tracee, texts->vdso_end);
	if (!room)
		return false;
	slot = tracee_slot(tracee, ret_verdict);
	if (!slot) {
		foothold->state = FOOTHOLD_NONE;
		return true;
	}
	load.touched = find_execve(run, texts);
	load.resume = arch_ip(regs) - SITE_CALL;
	arch_run_loader(&changed, room, slot, load.saved);
	if (write_arguments(run, tracee, slot, &load) < 0 ||
	    tracee_write_code(tracee, room, stub_loader, loader_size()) < 0 ||
	    tracee_block_signals(tracee, &foothold->mask) < 0) {
		tracee_free_slot(tracee);
		return false;
	}
	*regs = changed;
	tracee->stop.dirty = true;
	foothold->data = slot;
	foothold->base = load.base;
	foothold->vdso_room = room;
	foothold->state = FOOTHOLD_LOADING;
	*ret_verdict = VERDICT_PASS;
	return true;
}

/* Byte for byte our own code: by its name another file may have been opened. */
static bool is_our_code(struct tracee *tracee)
{
	static uint8_t bytes[STUB_CODE_SIZE];
	struct memory_part part = {tracee->tid, tracee->memory->foothold.base, bytes,
				   sizeof(bytes), false};

	return memory_move_directly(&part) == (ssize_t)sizeof(bytes) &&
	       memcmp(bytes, stub_section, sizeof(bytes)) == 0;
}

/* Index files of hundreds of megabytes may be mapped. */
static bool has_little_room(const struct tracee *tracee)
{
	struct rlimit limit;

	return prlimit(tracee->tid, RLIMIT_AS, NULL, &limit) < 0 ||
	       limit.rlim_cur != RLIM_INFINITY;
}

/* As telling.c will write it, from wherever: who is not reached so does not get it. */
static bool write_state(const struct run *run, struct tracee *tracee, uint64_t count)
{
	const struct fast *fast = run->fast;
	const uint64_t at = tracee->memory->foothold.base + STUB_STATE_AT;
	const bool is_shared = count && count < (uint64_t)-4096;
	struct stub_state state = {.secret = fast->secret,
				   .count = is_shared ? count : 0,
				   .cwd = {.is_unknown = 1},
				   .mount_numbers = run->machine.mount_numbers,
				   .no_board = has_little_room(tracee),
				   .no_objects = openables_doubted(run),
				   .run = run->number,
				   .uid = run->uid,
				   .proc_elsewhere = fast->proc_elsewhere,
				   .devices_full = fast->device_count > STUB_DEVICES,
				   .root_dev = run->machine.root_dev,
				   .root_ino = run->machine.root_ino,
				   .proc_dev = run->machine.proc_dev,
				   .scratch_dev = {run->scratch.dev, run->memory->dev}};

	const struct memory_part part = {tracee->tid, at, &state, sizeof(state), true};

	memcpy(state.devices, fast->devices, sizeof(state.devices));
	telling_skeletons(run, state.skeletons);
	telling_twins(run, state.twins);
	return memory_move_directly(&part) == (ssize_t)sizeof(state);
}

bool loading_ended(struct run *run, struct tracee *tracee)
{
	struct foothold *foothold = &tracee->memory->foothold;
	static const uint8_t nothing[LOADER_MAX];
	struct stub_load load;

	tracee_restore_signals(tracee, foothold->mask);
	tracee_write_code(tracee, foothold->vdso_room, nothing, loader_size());
	foothold->state = FOOTHOLD_REFUSED;
	if (tracee_read(tracee, foothold->data, &load, sizeof(load)) == 0 &&
	    load.result == 0 && is_our_code(tracee) &&
	    write_state(run, tracee, load.count)) {
		foothold->state = FOOTHOLD_THERE;
		foothold->cwd_unknown = true;
		boards_begin(foothold);
	} else {
		foothold->base = 0;
	}
	tracee_free_slot(tracee);
	return foothold->state == FOOTHOLD_THERE;
}
