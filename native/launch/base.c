/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "run/scratch.h"

enum { FEW_INODES = 8 };

static bool base_is_safe(const struct messages *messages, const char *base)
{
	if (!scratch_base_is_open(base))
		return true;
	message_notice(messages,
		       "no scratch in a directory where all may exchange it: %s (give "
		       "it the sticky bit, or choose another one with --scratch)",
		       base);
	return false;
}

const char *base_choose(const struct messages *messages, const char *wanted)
{
	static const char *const variables[] = {"_CONDOR_SCRATCH_DIR", "SLURM_TMPDIR",
						"TMPDIR"};
	static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm"};
	const char *base;

	if (wanted)
		return base_is_safe(messages, wanted) ? wanted : NULL;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		base = getenv(variables[i]);
		if (base && *base && base_is_safe(messages, base))
			return base;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (base_is_safe(messages, places[i]))
			return places[i];
	return NULL;
}

static const char *variable(const char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; *environment; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return *environment + len + 1;
	return NULL;
}

int base_of_cache(const char *wanted, const char *const *environment,
		  char ret_path[PATH_MAX])
{
	const char *cache = variable(environment, "XDG_CACHE_HOME");
	const char *home = variable(environment, "HOME");
	int len = -1;

	if (wanted)
		len = snprintf(ret_path, PATH_MAX, "%s", wanted);
	else if (cache && cache[0] == '/')
		len = snprintf(ret_path, PATH_MAX, "%s/interpose", cache);
	else if (home && home[0] == '/')
		len = snprintf(ret_path, PATH_MAX, "%s/.cache/interpose", home);
	return len > 0 && len < PATH_MAX && ret_path[0] == '/' ? 0 : -ENOENT;
}

static bool is_tmpfs(const char *path, struct statfs *ret_room)
{
	return statfs(path, ret_room) == 0 && ret_room->f_type == TMPFS_MAGIC;
}

/* Processes of root's job may become other users, and have to pass. */
static bool lets_in(const char *path, bool is_private)
{
	struct stat st;

	if (stat(path, &st) < 0 || access(path, W_OK | X_OK) < 0)
		return false;
	if (geteuid() == 0 && !(st.st_mode & S_IXOTH))
		return false;
	return !is_private || st.st_uid == geteuid();
}

static bool holds_skeletons(const char *path, bool is_private)
{
	struct statfs room;

	return is_tmpfs(path, &room) && (!room.f_files || room.f_ffree > FEW_INODES) &&
	       (!room.f_blocks || room.f_bavail > 0) && lets_in(path, is_private) &&
	       !scratch_base_is_open(path);
}

const char *base_of_memory(const char *scratch)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	static char beside[PATH_MAX]; /* there is one run */

	if (own && own[0] == '/' && holds_skeletons(own, true))
		return own;
	if (holds_skeletons("/dev/shm", false))
		return "/dev/shm";
	/* The scratch itself may be in memory. */
	snprintf(beside, sizeof(beside), "%.*s", (int)(strrchr(scratch, '/') - scratch),
		 scratch);
	return holds_skeletons(beside, false) ? beside : NULL;
}
