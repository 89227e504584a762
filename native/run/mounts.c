/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run/channel.h"

/* A repository that could not be opened is not asked for again at every call. */
enum { RETRY_AFTER_S = 10 };

enum slot_state { SLOT_UNKNOWN, SLOT_OPENING, SLOT_OPEN, SLOT_FAILED };

struct catalog {
	enum slot_state state;
	uint32_t question;
	time_t failed_at;
	struct place mountpoint;
	struct index_map map;
	uint64_t inode_base;
	char hash[64]; /* text with algorithm id */
	char *prefix;  /* path of its root below /cvmfs/FQRN; "" for the root catalog */
};

struct mount {
	enum slot_state state;
	uint32_t question;
	int error;
	time_t failed_at;
	char *fqrn;
	const struct interpose_mount *record;
	size_t record_len;
	struct catalog *catalogs;
	uint32_t catalog_count;
};

struct mounts {
	struct mount *mounts;
	uint32_t count;
};

struct mounts *mounts_create(void)
{
	return calloc(1, sizeof(struct mounts));
}

static void catalog_deinit(struct catalog *catalog)
{
	if (catalog->state == SLOT_OPEN)
		munmap((void *)(uintptr_t)catalog->map.base, catalog->map.size);
	free(catalog->prefix);
}

void mounts_destroy(struct mounts *mounts)
{
	if (!mounts)
		return;
	for (uint32_t i = 0; i < mounts->count; i++) {
		struct mount *mount = &mounts->mounts[i];

		for (uint32_t c = 0; c < mount->catalog_count; c++)
			catalog_deinit(&mount->catalogs[c]);
		free(mount->catalogs);
		free(mount->fqrn);
		if (mount->record)
			munmap((void *)(uintptr_t)mount->record, mount->record_len);
	}
	free(mounts->mounts);
	free(mounts);
}

/* Maps a whole file read-only; NULL with errno set. */
static void *map_file(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *base = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		*ret_size = (size_t)st.st_size;
	}
	close(fd);
	if (base == NULL)
		errno = EBADMSG;
	return base == MAP_FAILED ? NULL : base;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash ^= value + 0x9e3779b97f4a7c15ull;
	hash *= 0xff51afd7ed558ccdull;
	return hash ^ (hash >> 32);
}

static uint64_t inode_base(uint64_t seed, const char *prefix)
{
	/* Ranges of 2^32 numbers anywhere below 2^53: two of a thousand catalogs
	 * meet with a chance of about 10^-5. */
	uint64_t hash = mix(mix(seed, index_name_hash(prefix, strlen(prefix))), 1);

	return hash % ((1ull << 53) - (1ull << 33));
}

static void hash_text(const uint8_t *digest, uint32_t algorithm, char *ret_text)
{
	static const char *const suffix[] = {"", "-rmd160", "-shake128"};

	for (int i = 0; i < INTERPOSE_DIGEST_SIZE; i++)
		sprintf(ret_text + 2 * i, "%02x", digest[i]);
	strcat(ret_text, suffix[algorithm < 3 ? algorithm : 0]);
}

static bool name_is_fqrn(const char *name, size_t len)
{
	bool dot = false;

	if (len < 3 || len > 60 || name[0] == '.' || name[0] == '-' || name[0] == '_' ||
	    name[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
			return false;
		dot |= c == '.';
	}
	return dot;
}

const char *mounts_span(const struct mounts *mounts, uint32_t mount,
			struct interpose_span span, uint32_t *ret_len)
{
	const struct mount *m = &mounts->mounts[mount];

	*ret_len = 0;
	if (span.offset > m->record_len || span.length > m->record_len - span.offset)
		return NULL;
	*ret_len = span.length;
	return (const char *)m->record + span.offset;
}

/* Opens the index file of `catalog`; SLOT_UNKNOWN stays when there is none yet. */
static void catalog_map(const struct mounts *mounts, uint32_t mount,
			struct catalog *catalog)
{
	const struct interpose_mount *record = mounts->mounts[mount].record;
	uint32_t len;
	const char *dir = mounts_span(mounts, mount, record->index_dir, &len);
	char path[4096 + 128];
	size_t size;
	void *base;

	if (!dir || len >= 4096)
		return;
	snprintf(path, sizeof(path), "%.*s/%s.v%d", (int)len, dir, catalog->hash,
		 INTERPOSE_INDEX_VERSION);
	base = map_file(path, &size);
	if (!base)
		return;
	if (index_map_check(&catalog->map, base, size) < 0) {
		munmap(base, size); /* The resolver makes it anew. */
		return;
	}
	catalog->state = SLOT_OPEN;
}

static int catalog_add(struct mounts *mounts, uint32_t mount, const char *prefix,
		       const uint8_t *digest, uint32_t algorithm)
{
	struct mount *m = &mounts->mounts[mount];
	struct catalog *all = realloc(m->catalogs, (m->catalog_count + 1) * sizeof(*all));
	struct catalog *catalog;

	if (!all)
		return -ENOMEM;
	m->catalogs = all;
	catalog = &all[m->catalog_count];
	memset(catalog, 0, sizeof(*catalog));
	catalog->prefix = strdup(prefix);
	if (!catalog->prefix)
		return -ENOMEM;
	hash_text(digest, algorithm, catalog->hash);
	catalog->inode_base = inode_base(m->record->place, prefix);
	m->catalog_count++;
	catalog_map(mounts, mount, catalog);
	return 0;
}

/* The resolver has opened the repository: map what it left. */
static int mount_load(struct mounts *mounts, uint32_t mount, const char *path)
{
	struct mount *m = &mounts->mounts[mount];
	const struct interpose_mount *record;
	size_t size;
	int result;

	record = map_file(path, &size);
	if (!record)
		return -errno;
	m->record = record;
	m->record_len = size;
	if (size < sizeof(*record) || record->magic != INTERPOSE_MOUNT_MAGIC ||
	    record->version != INTERPOSE_MOUNT_VERSION)
		return -EBADMSG;
	result = catalog_add(mounts, mount, "", record->root_digest,
			     record->root_algorithm);
	if (result < 0)
		return result;
	return m->catalogs[0].state == SLOT_OPEN ? 0 : -EBADMSG;
}

static int slot_of(struct mounts *mounts, const char *name, size_t len,
		   uint32_t *ret_mount)
{
	struct mount *all;

	for (uint32_t i = 0; i < mounts->count; i++) {
		const char *fqrn = mounts->mounts[i].fqrn;

		if (strncmp(fqrn, name, len) == 0 && fqrn[len] == '\0') {
			*ret_mount = i;
			return 0;
		}
	}
	all = realloc(mounts->mounts, (mounts->count + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	mounts->mounts = all;
	memset(&all[mounts->count], 0, sizeof(*all));
	all[mounts->count].fqrn = strndup(name, len);
	if (!all[mounts->count].fqrn)
		return -ENOMEM;
	*ret_mount = mounts->count++;
	return 0;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static void mount_fail(struct mount *mount, int error)
{
	mount->state = SLOT_FAILED;
	mount->error = error;
	mount->failed_at = now_s();
}

/* Takes the answer to the mount's question, if it is there. */
static void mount_take_answer(struct run *run, uint32_t number)
{
	struct mount *mount = &run->mounts->mounts[number];
	struct channel_answer answer;
	char path[4096 + 64];

	switch (channel_look(run->channel, mount->question, &answer)) {
	case CHANNEL_UNDER_WAY:
		return;
	case CHANNEL_UNKNOWN:
		mount->state = SLOT_UNKNOWN;
		return;
	case CHANNEL_ANSWERED:
		break;
	}
	snprintf(path, sizeof(path), "%.*s", (int)answer.body_len,
		 (const char *)answer.body);
	if (answer.error)
		mount_fail(mount, answer.error);
	else if (mount_load(run->mounts, number, path) < 0)
		mount_fail(mount, EIO);
	else
		mount->state = SLOT_OPEN;
	channel_forget(run->channel, mount->question);
	mount->question = 0;
}

/* Asks and gives the id; 0 when nobody can be asked. */
static uint32_t ask(struct run *run, const struct channel_question *question)
{
	int id = channel_ask(run->channel, question);

	run->counters.questions++;
	return id > 0 ? (uint32_t)id : 0;
}

static bool retry_now(time_t failed_at)
{
	return now_s() - failed_at >= RETRY_AFTER_S;
}

enum walk_answer mounts_find(struct run *run, const char *name, size_t name_len,
			     uint32_t *ret_mount, uint32_t *ret_question)
{
	struct mounts *mounts = run->mounts;
	struct mount *mount;
	uint32_t number;

	if (!name_is_fqrn(name, name_len))
		return WALK_NO;
	if (slot_of(mounts, name, name_len, &number) < 0)
		return WALK_BROKEN;
	mount = &mounts->mounts[number];
	if (mount->state == SLOT_OPENING)
		mount_take_answer(run, number);
	if (mount->state == SLOT_FAILED && mount->error != ENOENT && !mount->record &&
	    retry_now(mount->failed_at))
		mount->state = SLOT_UNKNOWN;
	if (mount->state == SLOT_UNKNOWN) {
		struct channel_question question = {.kind = INTERPOSE_OPEN,
						    .fqrn = mount->fqrn};

		mount->question = ask(run, &question);
		if (!mount->question)
			return WALK_BROKEN;
		mount->state = SLOT_OPENING;
	}
	*ret_mount = number;
	*ret_question = mount->question;
	if (mount->state == SLOT_OPENING)
		return WALK_UNKNOWN;
	if (mount->state == SLOT_OPEN)
		return WALK_YES;
	return mount->error == ENOENT ? WALK_NO : WALK_BROKEN;
}

const struct index_map *mounts_catalog(const struct mounts *mounts, uint32_t mount,
				       uint32_t catalog)
{
	const struct mount *m;

	if (mount >= mounts->count)
		return NULL;
	m = &mounts->mounts[mount];
	if (catalog >= m->catalog_count || m->catalogs[catalog].state != SLOT_OPEN)
		return NULL;
	return &m->catalogs[catalog].map;
}

struct place mounts_mountpoint(const struct mounts *mounts, uint32_t mount,
			       uint32_t catalog)
{
	return mounts->mounts[mount].catalogs[catalog].mountpoint;
}

const struct interpose_mount *mounts_record(const struct mounts *mounts, uint32_t mount)
{
	return mounts->mounts[mount].record;
}

const char *mounts_fqrn(const struct mounts *mounts, uint32_t mount)
{
	return mounts->mounts[mount].fqrn;
}

uint32_t mounts_count(const struct mounts *mounts)
{
	return mounts->count;
}

/* Slot of the catalog at `mountpoint`, made if there is none; a negative errno. */
static int nested_slot(struct mounts *mounts, const struct place *mountpoint)
{
	struct mount *mount = &mounts->mounts[mountpoint->mount];
	struct interpose_entry entry;
	char path[4096 + 128];
	int result;

	for (uint32_t i = 1; i < mount->catalog_count; i++) {
		if (place_equal(&mount->catalogs[i].mountpoint, mountpoint))
			return (int)i;
	}
	result = index_entry(&mount->catalogs[mountpoint->catalog].map,
			     mountpoint->entry, &entry);
	if (result < 0)
		return result;
	if (!entry.digest)
		return -ENOENT;
	result = mounts_path(mounts, mountpoint, path, sizeof(path));
	if (result < 0)
		return result;
	result = catalog_add(mounts, mountpoint->mount,
			     path + strlen("/cvmfs/") + strlen(mount->fqrn), entry.digest,
			     entry.algorithm);
	if (result < 0)
		return result;
	mount->catalogs[mount->catalog_count - 1].mountpoint = *mountpoint;
	return (int)mount->catalog_count - 1;
}

static void catalog_take_answer(struct run *run, uint32_t mount, struct catalog *catalog)
{
	struct channel_answer answer;
	enum channel_state state =
		channel_look(run->channel, catalog->question, &answer);

	if (state == CHANNEL_UNDER_WAY)
		return;
	catalog->state = SLOT_UNKNOWN;
	if (state == CHANNEL_UNKNOWN)
		return;
	if (!answer.error)
		catalog_map(run->mounts, mount, catalog);
	if (catalog->state != SLOT_OPEN) {
		catalog->state = SLOT_FAILED;
		catalog->failed_at = now_s();
	}
	channel_forget(run->channel, catalog->question);
	catalog->question = 0;
}

enum walk_answer mounts_nested(struct run *run, const struct place *mountpoint,
			       uint32_t *ret_catalog, uint32_t *ret_question)
{
	struct mounts *mounts = run->mounts;
	int slot = nested_slot(mounts, mountpoint);
	struct catalog *catalog;

	if (slot < 0)
		return WALK_BROKEN;
	catalog = &mounts->mounts[mountpoint->mount].catalogs[slot];
	if (catalog->state == SLOT_OPENING)
		catalog_take_answer(run, mountpoint->mount, catalog);
	if (catalog->state == SLOT_FAILED && retry_now(catalog->failed_at))
		catalog->state = SLOT_UNKNOWN;
	if (catalog->state == SLOT_UNKNOWN) {
		char body[4096 + 128];
		int len = mounts_question_body(mounts, mountpoint, true, body,
					       sizeof(body));
		struct channel_question question = {
			.kind = INTERPOSE_CATALOG,
			.fqrn = mounts->mounts[mountpoint->mount].fqrn,
			.body = body,
			.body_len = (size_t)len};

		catalog->question = len < 0 ? 0 : ask(run, &question);
		if (!catalog->question)
			return WALK_BROKEN;
		catalog->state = SLOT_OPENING;
	}
	*ret_catalog = (uint32_t)slot;
	*ret_question = catalog->question;
	if (catalog->state == SLOT_OPENING)
		return WALK_UNKNOWN;
	return catalog->state == SLOT_OPEN ? WALK_YES : WALK_BROKEN;
}

int mounts_question_body(const struct mounts *mounts, const struct place *place,
			 bool of_nested, char *buffer, size_t size)
{
	const struct mount *mount = &mounts->mounts[place->mount];
	const char *hash = mount->catalogs[place->catalog].hash;
	char nested[64], path[4096 + 128];
	struct interpose_entry entry;
	int len = mounts_path(mounts, place, path, sizeof(path));
	size_t skip = strlen("/cvmfs/") + strlen(mount->fqrn);

	if (len < 0)
		return len;
	if (of_nested) {
		if (index_entry(&mount->catalogs[place->catalog].map, place->entry,
				&entry) < 0 ||
		    !entry.digest)
			return -EIO;
		hash_text(entry.digest, entry.algorithm, nested);
		hash = nested;
	}
	if (strlen(hash) + 1 + (size_t)len - skip > size)
		return -ENAMETOOLONG;
	memcpy(buffer, hash, strlen(hash) + 1);
	memcpy(buffer + strlen(hash) + 1, path + skip, (size_t)len - skip);
	return (int)(strlen(hash) + 1 + (size_t)len - skip);
}

uint64_t mounts_inode(const struct mounts *mounts, const struct place *place,
		      const struct interpose_entry *entry)
{
	if (place->kind != PLACE_ENTRY)
		return 1;
	return mounts->mounts[place->mount].catalogs[place->catalog].inode_base +
	       entry->inode + 2;
}
