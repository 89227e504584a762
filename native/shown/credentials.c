/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As fs/namei.c (acl_permission_check, generic_permission), kernel/capability.c
 * (capable_wrt_inode_uidgid) and fs/open.c (access_override_creds) of Linux have it. */
#include "shown/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"

static void parse_groups(struct credentials *credentials, const char *at)
{
	unsigned int id;

	while (sscanf(at, " %u", &id) == 1) {
		gid_t *more =
			realloc(credentials->groups,
				sizeof(gid_t) * (size_t)(credentials->group_count + 1));

		if (!more)
			return;
		credentials->groups = more;
		more[credentials->group_count++] = id;
		at += strspn(at, " \t");
		at += strcspn(at, " \t\n");
	}
}

/* True: nothing that follows matters. */
static bool parse_line(struct credentials *credentials, const char *line)
{
	unsigned int id, real;
	unsigned long long set;

	if (sscanf(line, "Uid: %u %*u %*u %u", &real, &id) == 2) {
		credentials->real_uid = real;
		credentials->fsuid = id;
	} else if (sscanf(line, "Gid: %u %*u %*u %u", &real, &id) == 2) {
		credentials->real_gid = real;
		credentials->fsgid = id;
	} else if (strncmp(line, "Groups:", 7) == 0) {
		parse_groups(credentials, line + 7);
	} else if (sscanf(line, "CapPrm: %llx", &set) == 1) {
		credentials->permitted = set;
	} else if (sscanf(line, "CapEff: %llx", &set) == 1) {
		credentials->effective = set;
		return true;
	}
	return false;
}

static bool parse_status(struct credentials *credentials, pid_t tid)
{
	char path[40], *line = NULL;
	size_t size = 0; /* the line of groups has no bound that would be small */
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	status = fopen(path, "re");
	if (!status)
		return false;
	while (getline(&line, &size, status) > 0 && !parse_line(credentials, line))
		;
	free(line);
	fclose(status);
	return true;
}

bool credentials_abroad(pid_t tid)
{
	struct stat own, theirs;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", tid);
	return stat(path, &theirs) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
	       (theirs.st_dev != own.st_dev || theirs.st_ino != own.st_ino);
}

const struct credentials *credentials_of(const struct run *run, struct tracee *tracee)
{
	struct credentials *credentials = &tracee->process->credentials;

	if (credentials->known &&
	    (!credentials->by_thread || credentials->of == tracee->tid))
		return credentials;
	credentials->group_count = 0;
	credentials->fsuid = credentials->real_uid = run->uid;
	credentials->fsgid = credentials->real_gid = run->gid;
	credentials->effective = credentials->permitted = 0;
	credentials->of = tracee->tid;
	credentials->known = parse_status(credentials, tracee->tid);
	/* Nobody else's namespace matters. */
	credentials->other_user = (credentials->effective | credentials->permitted) &&
				  credentials_abroad(tracee->tid);
	return credentials;
}

/* A line of /proc/PID/uid_map: the number there, its number for who reads, how many. */
static bool find_mapped(pid_t tid, const char *name,
			bool (*fits)(const unsigned int line[3], unsigned int *id),
			unsigned int *id)
{
	unsigned int line[3];
	bool found = false;
	char path[40];
	FILE *map;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	map = fopen(path, "re");
	if (!map)
		return false;
	while (!found && fscanf(map, "%u %u %u", &line[0], &line[1], &line[2]) == 3)
		found = fits(line, id);
	fclose(map);
	return found;
}

static bool is_number_of_ours(const unsigned int line[3], unsigned int *id)
{
	return *id >= line[1] && *id - line[1] < line[2];
}

static bool is_number_there(const unsigned int line[3], unsigned int *id)
{
	return *id >= line[0] && *id - line[0] < line[2];
}

static bool is_root_there(const unsigned int line[3], unsigned int *id)
{
	*id = line[1];
	return line[0] == 0;
}

bool credentials_maps(pid_t tid, const char *map, unsigned int id)
{
	bool abroad = credentials_abroad(tid);

	return find_mapped(tid, map, abroad ? is_number_of_ours : is_number_there, &id);
}

static bool is_mapped(const struct credentials *credentials, const char *name,
		      unsigned int id)
{
	return !credentials->other_user ||
	       find_mapped(credentials->of, name, is_number_of_ours, &id);
}

static uint64_t capabilities_of(const struct credentials *credentials, enum whose whose)
{
	unsigned int root = 0;

	if (whose == CREDENTIALS_EFFECTIVE)
		return credentials->effective;
	if (credentials->other_user &&
	    !find_mapped(credentials->of, "uid_map", is_root_there, &root))
		return 0;
	return credentials->real_uid == root ? credentials->permitted : 0;
}

static bool has(uint64_t set, int capability)
{
	return set >> capability & 1;
}

bool credentials_have(const struct run *run, struct tracee *tracee, int capability)
{
	return has(credentials_of(run, tracee)->effective, capability);
}

bool credentials_rule(const struct run *run, struct tracee *tracee, int capability)
{
	return credentials_have(run, tracee, capability) &&
	       !tracee->process->credentials.other_user;
}

static bool is_over(const struct credentials *credentials, const struct owned *entry)
{
	return is_mapped(credentials, "uid_map", entry->uid) &&
	       is_mapped(credentials, "gid_map", entry->gid);
}

bool credentials_own(const struct run *run, struct tracee *tracee,
		     const struct owned *entry)
{
	const struct credentials *credentials = credentials_of(run, tracee);

	return credentials->fsuid == entry->uid ||
	       (has(credentials->effective, CAP_FOWNER) &&
		is_mapped(credentials, "uid_map", entry->uid));
}

static bool in_group(const struct credentials *credentials, gid_t own, gid_t gid)
{
	if (own == gid)
		return true;
	for (int i = 0; i < credentials->group_count; i++) {
		if (credentials->groups[i] == gid)
			return true;
	}
	return false;
}

static bool bits_permit(const struct credentials *credentials, enum whose whose,
			const struct owned *entry, uint32_t mask)
{
	bool real = whose == CREDENTIALS_REAL;
	uid_t user = real ? credentials->real_uid : credentials->fsuid;
	gid_t group = real ? credentials->real_gid : credentials->fsgid;
	uint32_t bits = entry->mode;

	if (user == entry->uid)
		bits >>= 6;
	else if (in_group(credentials, group, entry->gid))
		bits >>= 3;
	return (mask & ~bits & 7) == 0;
}

bool credentials_permit(const struct run *run, struct tracee *tracee, enum whose whose,
			const struct owned *entry, uint32_t mask)
{
	const struct credentials *credentials = credentials_of(run, tracee);
	uint64_t set;

	if (bits_permit(credentials, whose, entry, mask))
		return true;
	set = capabilities_of(credentials, whose);
	if (has(set, CAP_DAC_READ_SEARCH) && (S_ISDIR(entry->mode) || mask == R_OK) &&
	    is_over(credentials, entry))
		return true;
	return has(set, CAP_DAC_OVERRIDE) &&
	       (S_ISDIR(entry->mode) || !(mask & X_OK) || entry->mode & 0111) &&
	       is_over(credentials, entry);
}

/* ---- another user's eyes ---- */

/* Raw calls: the C library's are of all threads. */
static void look_as(uid_t uid, gid_t gid, int group_count, const gid_t *groups)
{
	syscall(SYS_setgroups, (long)group_count, groups);
	syscall(SYS_setfsgid, gid);
	/* Takes CAP_DAC_OVERRIDE and its like out of our effective set. */
	syscall(SYS_setfsuid, uid);
}

/* NULL: as ourselves. */
static const struct credentials *other_eyes(const struct run *run,
					    struct tracee *tracee)
{
	const struct credentials *credentials;

	if (run->uid != 0 || !tracee->process->credentials.changed)
		return NULL;
	credentials = credentials_of(run, tracee);
	return credentials->fsuid == 0 ? NULL : credentials;
}

bool credentials_put_on(const struct run *run, struct tracee *tracee)
{
	int error = errno;
	const struct credentials *other = other_eyes(run, tracee);

	if (other)
		look_as(other->fsuid, other->fsgid, other->group_count, other->groups);
	errno = error;
	return other != NULL;
}

void credentials_take_off(const struct run *run)
{
	int error = errno;

	syscall(SYS_setfsuid, run->uid);
	syscall(SYS_setfsgid, run->gid);
	syscall(SYS_setgroups, (long)run->group_count, run->groups);
	errno = error;
}

struct guise *credentials_guise(const struct run *run, struct tracee *tracee)
{
	const struct credentials *other = other_eyes(run, tracee);
	size_t count = other ? (size_t)other->group_count : 0;
	size_t own = other ? (size_t)run->group_count : 0;
	struct guise *guise = calloc(1, sizeof(*guise) + (count + own) * sizeof(gid_t));

	if (!guise || !other)
		return guise;
	guise->on = true;
	guise->uid = other->fsuid;
	guise->gid = other->fsgid;
	guise->group_count = (int)count;
	guise->own_uid = run->uid;
	guise->own_gid = run->gid;
	guise->own_group_count = (int)own;
	if (count)
		memcpy(guise->groups, other->groups, count * sizeof(gid_t));
	if (own)
		memcpy(guise->groups + count, run->groups, own * sizeof(gid_t));
	return guise;
}

void guise_put_on(const struct guise *guise)
{
	if (guise->on)
		look_as(guise->uid, guise->gid, guise->group_count, guise->groups);
}

void guise_take_off(const struct guise *guise)
{
	int error = errno;

	if (guise->on) {
		syscall(SYS_setfsuid, guise->own_uid);
		look_as(guise->own_uid, guise->own_gid, guise->own_group_count,
			guise->groups + guise->group_count);
	}
	errno = error;
}
