/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of records, found by a sum of their keys. Each is written at once and has a
 * sum of its own, so that half of one, or of two, is none. */
#define _GNU_SOURCE 1
#include "fast/memo.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "index/checksum.h"
#include "run/slowmounts.h"
#include "tracee/memory.h"

#define NAME "interpose/sites.v1"

enum { RECORDS = 256, PLACES = 2, HEAD_SIZE = 4096 };

struct record {
	uint64_t sum; /* of what follows */
	struct memo_key key;
	struct memo_sites sites;
};

struct memo {
	char path[4096];
	int fd; /* -1: none */
	bool is_tried, is_read_only;
};

struct memo *memo_create(const char *cache)
{
	struct memo *memo = cache ? calloc(1, sizeof(*memo)) : NULL;

	if (!memo)
		return NULL;
	memo->fd = -1;
	/* Cut, it is the name of nothing. */
	snprintf(memo->path, sizeof(memo->path), "%s/" NAME, cache);
	return memo;
}

void memo_destroy(struct memo *memo)
{
	if (memo && memo->fd >= 0)
		close(memo->fd);
	free(memo);
}

/* Nobody waits here: not where a mount that may not answer could be on the way. */
static int open_there(const struct run *run, const char *path, int flags)
{
	const struct open_how how = {.flags = (uint64_t)flags,
				     .mode = flags & O_CREAT ? 0600 : 0,
				     .resolve = RESOLVE_NO_SYMLINKS};

	if (!slowmounts_any(run->slow))
		return open(path, flags, 0600);
	if (strstr(path, "/../") || slowmounts_has_path(run->slow, path))
		return -1;
	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* It is opened by the first program of a run that gets the stub. */
static int file_of(struct memo *memo, const struct run *run)
{
	const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	if (memo->is_tried)
		return memo->fd;
	memo->is_tried = true;
	memo->fd = open_there(run, memo->path, O_RDWR | O_CREAT | flags);
	memo->is_read_only = memo->fd < 0;
	if (memo->fd < 0)
		memo->fd = open_there(run, memo->path, O_RDONLY | flags);
	if (memo->fd >= 0 &&
	    (fstat(memo->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	     st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))) {
		close(memo->fd);
		memo->fd = -1;
	}
	return memo->fd;
}

/* cmd/internal/buildid: type 4, "Go". */
bool memo_is_of_go(const uint8_t *head, size_t size)
{
	static const uint8_t note[8] = {4, 0, 0, 0, 'G', 'o', 0, 0};

	return memmem(head, size, note, sizeof(note));
}

bool memo_key(struct tracee *tracee, const struct text *text,
	      const struct call_numbers *numbers, struct memo_key *ret_key)
{
	/* Of four and twenty bytes, type 3: elf(5), "Notes (Nhdr)". */
	static const uint8_t note[16] = {4, 0, 0, 0, 20,  0,   0,   0,
					 3, 0, 0, 0, 'G', 'N', 'U', 0};
	const uint64_t at = text->first - text->offset;
	uint8_t head[HEAD_SIZE];
	const uint8_t *found;

	if (!tracee_is_there(tracee, at, sizeof(head)) ||
	    memory_move_now(tracee, at, head, sizeof(head), false) !=
		    (ssize_t)sizeof(head) ||
	    memo_is_of_go(head, sizeof(head)))
		return false;
	found = memmem(head, sizeof(head) - sizeof(ret_key->build_id), note,
		       sizeof(note));
	if (!found)
		return false;
	memset(ret_key, 0, sizeof(*ret_key));
	memcpy(ret_key->build_id, found + sizeof(note), sizeof(ret_key->build_id));
	ret_key->is_c_library = text->is_c_library;
	ret_key->offset = text->offset;
	ret_key->size = text->end - text->first;
	ret_key->numbers = *numbers;
	return true;
}

static uint64_t sum_of(const struct record *record)
{
	return index_checksum(&record->key,
			      sizeof(*record) - offsetof(struct record, key));
}

static off_t place_of(const struct memo_key *key, unsigned int which)
{
	uint64_t sum = index_checksum(key, sizeof(*key));

	return (off_t)((sum >> which * 32) % RECORDS * sizeof(struct record));
}

static bool read_record(int fd, off_t at, struct record *record)
{
	return pread(fd, record, sizeof(*record), at) == (ssize_t)sizeof(*record) &&
	       record->sum == sum_of(record) && record->sites.count <= MEMO_SITES;
}

static bool is_of(const struct record *record, const struct memo_key *key)
{
	return memcmp(&record->key, key, sizeof(*key)) == 0;
}

bool memo_find(struct memo *memo, const struct run *run, const struct memo_key *key,
	       struct memo_sites *ret_sites)
{
	struct record record;
	int fd = memo ? file_of(memo, run) : -1;

	for (unsigned int which = 0; fd >= 0 && which < PLACES; which++) {
		if (!read_record(fd, place_of(key, which), &record) ||
		    !is_of(&record, key))
			continue;
		*ret_sites = record.sites;
		return true;
	}
	return false;
}

void memo_keep(struct memo *memo, const struct run *run, const struct memo_key *key,
	       const struct memo_sites *sites)
{
	struct record record = {.key = *key, .sites = *sites}, other;
	int fd = memo ? file_of(memo, run) : -1;
	off_t at = place_of(key, 0);

	if (fd < 0 || memo->is_read_only)
		return;
	record.sum = sum_of(&record);
	/* Two that want the same place can both be there. */
	if (read_record(fd, at, &other) && !is_of(&other, key))
		at = place_of(key, 1);
	/* On a full disk the next run reads the text itself. */
	if (pwrite(fd, &record, sizeof(record), at) < 0)
		memo->is_read_only = true;
}
