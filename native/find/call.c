/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "find/preferring.h"
#include "find/seen.h"
#include "run/broken.h"
#include "run/mounts.h"

int call_protection(const char *of)
{
	char path[64], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", of);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	return atoi(text);
}

static bool world_is_called(void *context, const struct place *place, const char *path)
{
	const struct call *call = context;
	char name[4096];

	return mounts_path(call->run->mounts, place, name, sizeof(name)) >= 0 &&
	       strcmp(name + strlen(PREFIX_REPOSITORIES), path) == 0;
}

static enum walk_answer world_mount(void *context, const char *name, size_t len,
				    uint32_t *ret_mount)
{
	struct call *call = context;
	enum walk_answer answer = WALK_NO;

	if (call->run->prefer_host)
		answer = preferring_asks(call, name, len);
	if (answer != WALK_NO)
		return answer;
	return mounts_find(call->run, name, len, ret_mount, &call->question);
}

static const struct index_map *world_catalog(void *context, uint32_t mount,
					     uint32_t catalog)
{
	struct call *call = context;

	return mounts_catalog(call->run->mounts, mount, catalog);
}

static enum walk_answer world_nested(void *context, const struct place *mountpoint,
				     uint32_t *ret_catalog)
{
	struct call *call = context;

	return mounts_nested(call->run, mountpoint, ret_catalog, &call->question);
}

static struct place world_mountpoint(void *context, uint32_t mount, uint32_t catalog)
{
	struct call *call = context;

	return mounts_mountpoint(call->run->mounts, mount, catalog);
}

static enum walk_answer answer_of(bool yes)
{
	return yes ? WALK_YES : WALK_NO;
}

static enum walk_answer world_may_search(void *context, const struct place *directory,
					 const struct interpose_entry *entry)
{
	return answer_of(seen_access(context, directory, entry, X_OK) == 0);
}

/* may_follow_link(): a link of somebody else's in a directory that all may write. */
static enum walk_answer world_may_follow(void *context, const struct place *directory,
					 const struct interpose_entry *directory_entry,
					 const struct place *link,
					 const struct interpose_entry *entry)
{
	struct call *call = context;
	struct owned around, owned;

	around = seen_owned(call, directory, directory_entry);
	owned = seen_owned(call, link, entry);
	return answer_of(around.uid == owned.uid ||
			 credentials_of(call->run, call->tracee)->fsuid == owned.uid ||
			 call_protection("symlinks") == 0);
}

static enum walk_answer world_target(void *context, const struct place *link,
				     const struct interpose_entry *entry,
				     struct walk_text *text)
{
	return seen_text(context, link, entry, text);
}

void call_tell_damage(const struct call *call, const struct walk *walk)
{
	const struct run *run = call->run;

	if (walk->damaged && walk->error == EIO)
		broken_tell(call->run, BROKEN_INDEX,
			    walk->at.kind == PLACE_ENTRY
				    ? mounts_fqrn(run->mounts, walk->at.mount)
				    : PREFIX_REPOSITORIES,
			    0);
}

struct walk_world call_world(struct call *call)
{
	return (struct walk_world){
		.context = call,
		.prefixes = &call->run->prefixes,
		.is_called = world_is_called,
		.mount = world_mount,
		.catalog = world_catalog,
		.nested = world_nested,
		.mountpoint = world_mountpoint,
		.may_search = world_may_search,
		.may_follow = world_may_follow,
		.target = world_target,
	};
}
