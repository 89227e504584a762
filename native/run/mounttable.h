/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What mounts.c and catalogs.c share. */
#ifndef RUN_MOUNTTABLE_H
#define RUN_MOUNTTABLE_H

#include <time.h>

#include "run/channel.h"
#include "run/mounts.h"
#include "run/nestedtable.h"

/* A repository that could not be opened is not asked for again at every call. */
enum { RETRY_AFTER_S = 10 };

enum slot_state { SLOT_UNKNOWN, SLOT_OPENING, SLOT_OPEN, SLOT_FAILED };

struct catalog {
	enum slot_state state;
	uint32_t question;
	time_t failed_at;
	bool is_lost;	  /* was open until its index broke */
	bool is_detached; /* was open until there were too many */
	struct place mountpoint;
	struct index_map map;
	uint64_t inode_base;
	uint64_t dev, ino; /* of the index file that was mapped last */
	uint32_t number;   /* in mounts->opened, + 1; 0: never opened */
	char hash[64];	   /* text with algorithm id */
	char *prefix; /* path of its root below /cvmfs/FQRN; "" for the root catalog */
};

struct mount {
	enum slot_state state;
	uint32_t question;
	int error;
	time_t failed_at;
	bool kept_tried;
	char *fqrn;
	struct interpose_mount *record;
	size_t record_len;
	struct catalog *catalogs;
	uint32_t catalog_count, open_count;
	uint32_t newest;	   /* of `catalogs`: the one that was mapped last */
	bool has_grown;		   /* one was mapped since mounts_trim() */
	struct nestedtable nested; /* of `catalogs`, by their mount points */
};

struct opened { /* the root entries of all catalogs, as they were opened */
	struct place *roots;
	uint32_t count;
};

struct mounts {
	const struct scratch *scratch;
	struct mount *mounts;
	uint32_t count;
	struct opened *opened;
	uint32_t breaks;  /* of mapping_breaks(): seen to */
	bool was_missed;  /* somebody wanted a catalog that is lost */
	bool *ret_missed; /* that one, for those who may change nothing else */
};

/* A descriptor for reading, of whatever has the name: never waits. Negative errno;
 * -EPERM if somebody else may have written it. */
int mounttable_open(const struct mounts *mounts, const char *path);
/* The whole record in a file, for free(); NULL: none, or damaged, or not ours. */
struct interpose_mount *mounttable_read(const struct mounts *mounts, const char *path,
					size_t *ret_size);
/* Asks and gives the id; 0 when nobody can be asked. */
uint32_t mounttable_ask(struct run *run, const struct channel_question *question);
/* True if what failed at `failed_at` (clock_now_s) may be asked for again. */
bool mounttable_retry_now(time_t failed_at);
/* Adds a catalog to an opened mount and maps its index file if there is one: it is
 * complete then. The root catalog hangs at the mount's own place of kind TOP. */
int catalogs_add(struct mounts *mounts, const struct place *mountpoint,
		 const char *prefix, const uint8_t *digest, uint32_t algorithm);
/* Maps its index if there is a sound one: SLOT_OPEN, else the state stays. */
void catalogs_map(const struct mounts *mounts, uint32_t mount, struct catalog *catalog);
/* Takes an answer, or asks. The question that is under way, or 0. */
uint32_t catalogs_advance(struct run *run, uint32_t mount, struct catalog *catalog);
/* Unmaps an open one: SLOT_UNKNOWN. */
void catalogs_close(struct mount *mount, struct catalog *catalog);
/* Maps one again that was let go; if its file is gone it is lost. */
void catalogs_attach(const struct mounts *mounts, uint32_t mount,
		     struct catalog *catalog);
void catalogs_deinit(struct catalog *catalog);

#endif
