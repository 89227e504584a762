/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stubs are told, by the time that a stop ends: too much of it costs a stop, too
 * little would be a wrong answer. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "fast/inner.h"
#include "find/footing.h"
#include "find/look.h"
#include "run/mounts.h"
#include "run/nodes.h"
#include "run/openables.h"
#include "run/twins.h"
#include "tracee/memory.h"

static bool is_alone(const struct tracee *tracee)
{
	return tracee->memory->users == 1 && tracee->footing->users == 1;
}

static void tell(struct tracee *tracee, size_t at, const void *value, size_t size)
{
	const struct foothold *foothold = &tracee->memory->foothold;
	union {
		const void *from;
		void *buffer;
	} u = {.from = value}; /* nothing is changed */
	const struct memory_part part = {
		tracee->tid, foothold->base + STUB_STATE_AT + at, u.buffer, size, true};

	if (foothold->base)
		memory_move_directly(&part);
}

static void tell_text(const struct run *run, struct tracee *tracee,
		      const struct place *place)
{
	char text[STUB_CWD] = "";

	if (mounts_path(run->mounts, place, text, sizeof(text)) < 0)
		text[0] = '\0';
	tell(tracee, offsetof(struct stub_state, cwd_text), text, strlen(text) + 1);
}

/* Nobody else can change it while this thread is stopped. */
void telling_cwd(const struct run *run, struct tracee *tracee)
{
	struct foothold *foothold = &tracee->memory->foothold;
	struct stub_cwd cwd = {0};
	const struct node *node;
	struct stat st;

	if (!foothold->cwd_unknown || !is_alone(tracee) ||
	    look_inode(tracee, AT_FDCWD, &st) < 0)
		return;
	node = look_node_of(run, &st);
	if (node) {
		cwd.is_ours = mounts_number(run->mounts, &node->place, &cwd.catalog) &&
			      cwd.catalog < BOARD_CATALOGS &&
			      node->place.mount < BOARD_MOUNTS;
		cwd.mount = node->place.mount;
		cwd.entry = node->place.entry;
	}
	cwd.is_unknown = !cwd.is_ours && (node || st.st_dev == run->machine.proc_dev);
	foothold->cwd_unknown = cwd.is_unknown;
	if (cwd.is_ours)
		tell_text(run, tracee, &node->place);
	tell(tracee, offsetof(struct stub_state, cwd), &cwd, sizeof(cwd));
}

/* Other threads may be running: the place stays, for who is just going there. */
static void tell_unknown_cwd(struct tracee *tracee)
{
	const struct stub_cwd cwd = {.is_unknown = 1};

	if (tracee->memory->foothold.cwd_unknown)
		return;
	tracee->memory->foothold.cwd_unknown = true;
	tell(tracee, offsetof(struct stub_state, cwd), &cwd,
	     offsetof(struct stub_cwd, mount));
}

struct telling {
	struct run *run;
	const struct footing *footing; /* NULL: of all */
};

static void tell_dead(struct tracee *tracee, void *context)
{
	const struct telling *telling = context;
	struct foothold *foothold = &tracee->memory->foothold;
	const uint32_t dead = 1;

	if ((telling->footing && tracee->footing != telling->footing) || foothold->dead)
		return;
	foothold->dead = true;
	if (foothold->state == FOOTHOLD_NONE)
		foothold->state = FOOTHOLD_REFUSED;
	tell(tracee, offsetof(struct stub_state, dead), &dead, sizeof(dead));
}

static void tell_moves(struct tracee *tracee, void *context)
{
	const struct telling *telling = context;

	if (tracee->footing == telling->footing)
		tell_unknown_cwd(tracee);
}

static void tell_devices(struct tracee *tracee, void *context)
{
	const struct telling *telling = context;
	const struct fast *fast = telling->run->fast;
	const uint32_t full = fast->device_count > STUB_DEVICES;

	tell(tracee, offsetof(struct stub_state, devices), fast->devices,
	     sizeof(fast->devices));
	tell(tracee, offsetof(struct stub_state, devices_full), &full, sizeof(full));
}

/* Others use that file system, too: it is not filled. */
static bool has_room(const struct scratch *memory)
{
	struct statfs st;

	return fstatfs(memory->fd, &st) == 0 &&
	       (st.f_files == 0 || st.f_ffree / 2 > STUB_SKELETONS);
}

void telling_skeletons(const struct run *run, char ret_folder[STUB_PATH])
{
	const struct scratch *memory = run->memory;

	memset(ret_folder, 0, STUB_PATH);
	if (memory->path[0] && strlen(memory->path) + sizeof("/k/") <= STUB_PATH &&
	    has_room(memory))
		snprintf(ret_folder, STUB_PATH, "%s/k/", memory->path);
}

void telling_twins(const struct run *run, char ret_prefix[STUB_PATH])
{
	const struct scratch *memory = run->memory;
	char prefix[TWINS_PREFIX_SIZE];

	memset(ret_prefix, 0, STUB_PATH);
	twins_prefix(run, prefix);
	/* The rest has three numbers at most. */
	if (memory->path[0] &&
	    strlen(memory->path) + TWINS_PREFIX_SIZE + 1 <= STUB_PATH)
		snprintf(ret_prefix, STUB_PATH, "%s/%s", memory->path, prefix);
}

static void tell_memory(struct tracee *tracee, void *context)
{
	const struct telling *telling = context;
	char folder[STUB_PATH], prefix[STUB_PATH];

	tell(tracee, offsetof(struct stub_state, scratch_dev[1]),
	     &telling->run->fast->memory_dev, sizeof(uint64_t));
	telling_skeletons(telling->run, folder);
	tell(tracee, offsetof(struct stub_state, skeletons), folder, sizeof(folder));
	telling_twins(telling->run, prefix);
	tell(tracee, offsetof(struct stub_state, twins), prefix, sizeof(prefix));
}

void fast_moves(struct run *run, struct tracee *tracee)
{
	struct telling telling = {run, tracee->footing};

	if (run->fast)
		tracees_each(run->tracees, tell_moves, &telling);
}

void fast_leave(struct run *run, struct tracee *tracee)
{
	struct telling telling = {run, tracee->footing};

	if (run->fast)
		tracees_each(run->tracees, tell_dead, &telling);
}

void fast_leave_all(struct run *run)
{
	struct telling telling = {run, NULL};

	if (!run->fast)
		return;
	run->fast->dead = true;
	tracees_each(run->tracees, tell_dead, &telling);
}

/* A file system on which an object lies for the first time. */
static void note_devices(struct run *run)
{
	struct fast *fast = run->fast;
	struct telling telling = {run, NULL};
	const struct node_devices *devices = nodes_devices(run);

	fast->devices_told = devices->changes;
	fast->device_count = devices->count;
	for (size_t i = 0; i < devices->count && i < STUB_DEVICES; i++)
		fast->devices[i] = (struct stub_device){devices->list[i].dev,
							devices->list[i].writable};
	tracees_each(run->tracees, tell_devices, &telling);
}

static void tell_doubt(struct tracee *tracee, void *context)
{
	const uint32_t doubt = 1;

	(void)context;
	tell(tracee, offsetof(struct stub_state, no_objects), &doubt, sizeof(doubt));
}

/* The kernel had copied its memory already when others were told the last of it: what
 * is said of that memory here may not be written there. */
void fast_born(struct run *run, struct tracee *child)
{
	struct telling telling = {run, child->footing};
	struct foothold *foothold = &child->memory->foothold;

	if (!run->fast || !foothold->base || child->memory->users > 1)
		return;
	tell_devices(child, &telling);
	tell_memory(child, &telling);
	if (openables_doubted(run))
		tell_doubt(child, NULL);
	boards_begin(foothold);
	if (foothold->cwd_unknown) {
		foothold->cwd_unknown = false;
		tell_unknown_cwd(child);
	}
	if (foothold->dead) {
		foothold->dead = false;
		tell_dead(child, &telling);
	}
}

/* Its second filter is there, for all that have this memory. */
static void tell_watches(struct tracee *tracee)
{
	const uint32_t watches = 1;

	if (tracee->memory->foothold.told_watches || !tracee->process->watched ||
	    tracee->memory->users != tracee->process->users)
		return;
	tracee->memory->foothold.told_watches = true;
	tell(tracee, offsetof(struct stub_state, watches), &watches, sizeof(watches));
}

void telling_board(struct run *run, struct tracee *tracee)
{
	struct fast *fast = run->fast;

	boards_update(run, fast->board);
	/* A child that only executes another program never needs it. */
	if (tracee->memory->foothold.state == FOOTHOLD_THERE &&
	    tracee->memory->foothold.wants_board) {
		boards_tell(tracee, fast->board);
		tell_watches(tracee);
	}
	if (openables_doubted(run) && !fast->doubt_told) {
		fast->doubt_told = true;
		tracees_each(run->tracees, tell_doubt, NULL);
	}
}

void fast_decided(struct run *run, struct tracee *tracee)
{
	const struct footing *footing = tracee->footing;

	if (!run->fast)
		return;
	if (run->counters.stops == run->fast->wishes.leave_at)
		fast_leave_all(run);
	/* It is made with the first directory of /cvmfs that is opened. */
	if (run->memory->dev != run->fast->memory_dev) {
		run->fast->memory_dev = run->memory->dev;
		tracees_each(run->tracees, tell_memory, &(struct telling){run, NULL});
	}
	telling_board(run, tracee);
	if (nodes_devices(run)->changes != run->fast->devices_told)
		note_devices(run);
	if (tracee->memory->foothold.state == FOOTHOLD_THERE &&
	    !tracee->memory->foothold.dead &&
	    (footing->stale || footing->other_root || footing->other_mounts))
		fast_leave(run, tracee);
}
