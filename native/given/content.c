/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "given/content.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "find/footing.h"
#include "find/look.h"
#include "find/seen.h"
#include "given/lending.h"
#include "given/twin.h"
#include "run/broken.h"
#include "run/mounts.h"
#include "run/nodes.h"
#include "run/objects.h"
#include "run/openables.h"
#include "run/skeletons.h"
#include "run/stubcaches.h"
#include "run/twins.h"
#include "run/unasked.h"

enum { MAX_TRIES = 4 };

/* A link that a descriptor stands for: of all paths, only the link of /proc leads to it
 * and not on to its target. */
static void opened_link(const struct target *target, char *buffer, size_t size)
{
	if (target->holder == target->call.tracee->tid)
		snprintf(buffer, size, "/proc/thread-self/fd/%d", target->descriptor);
	else
		snprintf(buffer, size, "/proc/%d/fd/%d", target->holder,
			 target->descriptor);
}

static bool skeleton_path(struct target *target, char *buffer, size_t size,
			  enum verdict *ret_verdict)
{
	struct call *call = &target->call;
	const struct place *place = &target->walk.at;
	bool is_top = place->kind == PLACE_TOP;
	char text[4096 + 1] = "";
	struct skeleton_order order;
	int len, result;

	if (!is_top && S_ISLNK(target->walk.entry.mode)) {
		if (target->descriptor >= 0 && !target->empty_path) {
			opened_link(target, buffer, size);
			return true;
		}
		len = seen_target(call, place, &target->walk.entry, text,
				  sizeof(text) - 1);
		text[len < 0 ? 0 : len] = '\0';
	}
	order = (struct skeleton_order){
		place, is_top ? NULL : &target->walk.entry, text,
		/* In other mounts /dev/shm is hidden more often than what the user
		 * chose, and descriptors cannot stand for all (docs/decisions/0016). */
		call->run->remounted ||
			footing_of(call->run, call->tracee)->other_mounts};
	result = skeletons_path(call->run, &order, buffer, size);
	if (result == 0)
		return true;
	broken_tell(call->run, BROKEN_SCRATCH, call->run->scratch.path, result);
	*ret_verdict = tracee_answer(call->tracee, -EIO);
	return false;
}

/* Stubs may open it: it is this place's alone. */
static void tell_of(struct run *run, const struct object_found *found,
		    const struct walk *walk)
{
	unasked_opened(run, found, &walk->at, &walk->entry);
	if (!unasked_has(run, &walk->at) ||
	    !stubcaches_found(run, found, &walk->at, &walk->entry))
		openables_note(run, found, &walk->at);
}

static bool object_path(struct target *target, const struct object_found *found,
			char *buffer, size_t size, enum verdict *ret_verdict)
{
	struct call *call = &target->call;
	const char *path = found->path;
	int result = twin_of_object(target, path, buffer, size);

	if (result == LOOK_WAITS)
		*ret_verdict = target_wait(target);
	if (result == LOOK_WAITS || result == 0)
		return result == 0;
	/* Where there is no copy the inode is what was opened last. */
	nodes_learn(call->run, &found->st, NODE_OBJECT, &target->walk.at);
	if (result < 0)
		openables_doubt(call->run);
	else
		tell_of(call->run, found, &target->walk);
	snprintf(buffer, size, "%s", path);
	if (call->run->uid != 0)
		return true;
	if (credentials_of(call->run, call->tracee)->fsuid == 0)
		return true;
	result = lending_make(call, path, &target->walk.at, buffer, size);
	if (result == 0)
		return true;
	if (result != LOOK_WAITS)
		broken_tell(call->run, BROKEN_SCRATCH, call->run->scratch.path, result);
	*ret_verdict = result == LOOK_WAITS ? target_wait(target)
					    : tracee_answer(call->tracee, -EIO);
	return false;
}

bool content_path(struct target *target, char *buffer, size_t size,
		  enum verdict *ret_verdict)
{
	struct call *call = &target->call;
	struct object_found found = {0};
	enum walk_answer answer;

	if (target->walk.at.kind == PLACE_TOP || !S_ISREG(target->walk.entry.mode))
		return skeleton_path(target, buffer, size, ret_verdict);
	answer = objects_find(call->run, &target->walk.at, &target->walk.entry, &found);
	if (answer == WALK_YES)
		return object_path(target, &found, buffer, size, ret_verdict);
	call->question = found.question;
	*ret_verdict = answer == WALK_UNKNOWN ? target_wait(target)
					      : tracee_answer(call->tracee, -EIO);
	return false;
}

void content_note(const struct run *run, struct tracee *tracee,
		  const struct place *place)
{
	tracee->stop.note[0] = (uint64_t)place->kind;
	tracee->stop.note[1] = place->mount;
	tracee->stop.note[2] = place->catalog;
	tracee->stop.note[3] = place->entry;
	tracee->stop.note[4] = twins_removed(run);
}

static struct place content_noted(const struct tracee *tracee)
{
	const uint64_t *note = tracee->stop.note;

	return (struct place){(enum place_kind)note[0], (uint32_t)note[1],
			      (uint32_t)note[2], (uint32_t)note[3]};
}

bool content_vanished(struct run *run, struct tracee *tracee, int64_t result,
		      enum verdict *ret_verdict)
{
	struct place place = content_noted(tracee);
	struct interpose_entry entry;
	const struct index_map *map;

	if (place.kind == PLACE_HOST ||
	    (result != -ENOENT && result != -ESTALE && result != -EACCES))
		return false;
	if (place.kind == PLACE_ENTRY) {
		map = mounts_catalog(run->mounts, place.mount, place.catalog);
		if (!map || index_entry(map, place.entry, &entry) < 0)
			return false;
	}
	if (place.kind == PLACE_TOP || S_ISDIR(entry.mode)) {
		/* Permissions were ours to judge: it is hidden or shut there. */
		if (!skeletons_leave_memory(run))
			return false;
		*ret_verdict = tracee_again(tracee);
		return true;
	}
	if (!twins_vanished(run, &place, (int)result) &&
	    (result == -EACCES || (!objects_vanished(run, &entry) &&
				   tracee->stop.note[4] == twins_removed(run))))
		return false;
	if (++tracee->tries < MAX_TRIES) {
		*ret_verdict = tracee_again(tracee);
		return true;
	}
	tracee->tries = 0;
	broken_tell(run, BROKEN_OBJECT, mounts_fqrn(run->mounts, place.mount),
		    (int)result);
	*ret_verdict = tracee_finish(tracee, -EIO);
	return true;
}

enum verdict content_leave(struct run *run, struct tracee *tracee)
{
	int64_t result = arch_result(&tracee->stop.regs);
	enum verdict verdict;

	if (content_vanished(run, tracee, result, &verdict))
		return verdict;
	tracee->tries = 0;
	return tracee_finish(tracee, result);
}
