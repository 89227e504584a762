/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All tracees of a run, and what clone, fork and exec make of what they share. */
#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracee/memory.h"
#include "tracee/tracee.h"

enum { BUCKETS = 1024 };

struct tracees {
	struct tracee *buckets[BUCKETS];
	size_t count;
};

struct tracees *tracees_create(void)
{
	return calloc(1, sizeof(struct tracees));
}

static struct address_space *space_create(void)
{
	struct address_space *space = calloc(1, sizeof(*space));

	if (space) {
		space->users = 1;
		space->mem_fd = space->pagemap_fd = -1;
	}
	return space;
}

static void space_release(struct address_space *space)
{
	if (!space || --space->users > 0)
		return;
	memory_forget(space);
	regions_forget(space);
	foothold_forget(&space->foothold);
	free(space);
}

static struct footing *footing_copy(const struct footing *from)
{
	struct footing *footing = calloc(1, sizeof(*footing));

	if (footing && from)
		*footing = *from;
	if (footing)
		footing->users = 1;
	return footing;
}

static void footing_release(struct footing *footing)
{
	if (footing && --footing->users == 0)
		free(footing);
}

static struct process *process_create(pid_t tgid)
{
	struct process *process = calloc(1, sizeof(*process));

	if (process) {
		process->users = 1;
		process->tgid = tgid;
		process->pidfd = -1;
	}
	return process;
}

static void process_release(struct process *process)
{
	if (!process || --process->users > 0)
		return;
	if (process->pidfd >= 0)
		close(process->pidfd);
	free(process->credentials.groups);
	free(process->exe);
	free(process);
}

static void tracee_destroy(struct tracee *tracee)
{
	tracee_forget_errands(tracee);
	tracee_free_slot(tracee);
	space_release(tracee->memory);
	footing_release(tracee->footing);
	process_release(tracee->process);
	free(tracee);
}

void tracees_destroy(struct tracees *tracees)
{
	if (!tracees)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (tracees->buckets[i])
			tracees_remove(tracees, tracees->buckets[i]);
	}
	free(tracees);
}

struct tracee *tracees_find(struct tracees *tracees, pid_t tid)
{
	struct tracee *tracee = tracees->buckets[(unsigned int)tid % BUCKETS];

	while (tracee && tracee->tid != tid)
		tracee = tracee->next;
	return tracee;
}

static struct tracee *add(struct tracees *tracees, struct tracee *tracee)
{
	struct tracee **bucket = &tracees->buckets[(unsigned int)tracee->tid % BUCKETS];

	if (!tracee->memory || !tracee->footing || !tracee->process) {
		tracee_destroy(tracee);
		return NULL;
	}
	tracee->next = *bucket;
	*bucket = tracee;
	tracees->count++;
	return tracee;
}

struct tracee *tracees_add_first(struct tracees *tracees, pid_t tid)
{
	struct tracee *tracee = calloc(1, sizeof(*tracee));

	if (!tracee)
		return NULL;
	tracee->tid = tid;
	tracee->state = TRACEE_NEW;
	tracee->memory = space_create();
	tracee->footing = footing_copy(NULL);
	tracee->process = process_create(tid);
	return add(tracees, tracee);
}

static struct process *process_copy(const struct process *from, pid_t tgid)
{
	struct process *process = process_create(tgid);

	if (!process)
		return NULL;
	process->watched = from->watched;
	process->filters = from->filters;
	process->inner = from->front_inner ? from->front_inner : from->inner;
	if (from->exe)
		process->exe = strdup(from->exe);
	/* Credentials are read again when they matter: a child is rarely asked for
	 * them. */
	process->credentials.changed = from->credentials.changed;
	return process;
}

static struct address_space *space_copy(const struct address_space *from)
{
	struct address_space *space = space_create();

	if (space) {
		regions_copy(space, from);
		space->narrow = from->narrow;
		foothold_copy(&space->foothold, &from->foothold);
	}
	return space;
}

struct tracee *tracees_add_child(struct tracees *tracees, struct tracee *parent,
				 pid_t tid, uint64_t clone_flags)
{
	struct tracee *tracee = calloc(1, sizeof(*tracee));

	if (!tracee)
		return NULL;
	tracee->tid = tid;
	tracee->state = TRACEE_NEW;
	if (clone_flags & CLONE_VM) {
		tracee->memory = parent->memory;
		tracee->memory->users++;
	} else {
		tracee->memory = space_copy(parent->memory);
	}
	if (clone_flags & CLONE_FS) {
		tracee->footing = parent->footing;
		tracee->footing->users++;
	} else {
		tracee->footing = footing_copy(parent->footing);
		if (tracee->footing && clone_flags & CLONE_NEWNS)
			tracee->footing->stale = true;
	}
	if (clone_flags & CLONE_THREAD) {
		tracee->process = parent->process;
		tracee->process->users++;
	} else {
		tracee->process = process_copy(parent->process, tid);
	}
	return add(tracees, tracee);
}

void tracees_remove(struct tracees *tracees, struct tracee *tracee)
{
	struct tracee **link = &tracees->buckets[(unsigned int)tracee->tid % BUCKETS];

	while (*link && *link != tracee)
		link = &(*link)->next;
	if (*link) {
		*link = tracee->next;
		tracees->count--;
	}
	tracee_destroy(tracee);
}

int tracee_own_footing(struct tracee *tracee)
{
	struct footing *footing;

	if (tracee->footing->users == 1)
		return 0;
	footing = footing_copy(tracee->footing);
	if (!footing)
		return -ENOMEM;
	footing_release(tracee->footing);
	tracee->footing = footing;
	return 0;
}

void tracee_new_credentials(struct tracee *tracee)
{
	struct credentials *credentials = &tracee->process->credentials;

	credentials->known = false;
	credentials->changed = true;
	/* The C library has each thread make the call; who makes it alone is alone. */
	credentials->by_thread |= tracee->process->users > 1;
}

int tracee_after_exec(struct tracee *tracee)
{
	struct address_space *space = space_create();

	if (!space)
		return -ENOMEM;
	tracee_free_slot(tracee);
	space_release(tracee->memory);
	tracee->memory = space;
	tracee->stop.leave = NULL;
	tracee->process->credentials.known = false;
	tracee->process->credentials.by_thread = false;
	return 0;
}

size_t tracees_count(const struct tracees *tracees)
{
	return tracees->count;
}

void tracees_each(struct tracees *tracees,
		  void (*each)(struct tracee *tracee, void *context), void *context)
{
	struct tracee *tracee, *next;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (tracee = tracees->buckets[i]; tracee; tracee = next) {
			next = tracee->next;
			each(tracee, context);
		}
	}
}
