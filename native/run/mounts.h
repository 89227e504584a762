/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opened repositories and the catalogs mapped for them. Nothing here blocks: what is
 * not known yet becomes a question (WALK_UNKNOWN and its id). */
#ifndef RUN_MOUNTS_H
#define RUN_MOUNTS_H

#include "path/walk.h"
#include "run/run.h"

/* `scratch` is the run's, and lives as long. */
struct mounts *mounts_create(const struct scratch *scratch);
void mounts_destroy(struct mounts *mounts);

/* The repository called `name`; opens it on first use. */
enum walk_answer mounts_find(struct run *run, const char *name, size_t name_len,
			     uint32_t *ret_mount, uint32_t *ret_question);
/* Opens it from what an earlier job left; false: somebody has to be asked. */
bool mounts_open_kept(struct run *run, const char *name, size_t name_len);
/* The catalog that hangs at a nested mount point. */
enum walk_answer mounts_nested(struct run *run, const struct place *mountpoint,
			       uint32_t *ret_catalog, uint32_t *ret_question);
const struct index_map *mounts_catalog(const struct mounts *mounts, uint32_t mount,
				       uint32_t catalog);
struct place mounts_mountpoint(const struct mounts *mounts, uint32_t mount,
			       uint32_t catalog);

/* All catalogs that have been opened since the run began, in that order, which never
 * changes. */
struct opened_catalog {
	struct place root, mountpoint;
	uint64_t inode_base;
	uint64_t dev, ino, size; /* of its index file */
	const char *hash;	 /* text with algorithm id */
};
uint32_t mounts_opened_count(const struct mounts *mounts);
/* False: it is not open any more. */
bool mounts_opened(const struct mounts *mounts, uint32_t number,
		   struct opened_catalog *ret_catalog);

/* The place that an inscription names, if it names one. */
struct inscription;
bool mounts_place(const struct mounts *mounts, const struct inscription *text,
		  struct place *ret_place);
/* It is the index file of one of these. */
bool mounts_is_index(const struct mounts *mounts, uint64_t dev, uint64_t ino);
/* The number of a place's catalog in that order, + 1, and 0 for a root catalog. False:
 * it has none. */
bool mounts_number(const struct mounts *mounts, const struct place *place,
		   uint32_t *ret_number);

/* The same of the root catalogs, too; 0: it has none. */
uint32_t mounts_opened_number(const struct mounts *mounts, const struct place *place);

/* Lets catalogs go of which there are too many. Not while somebody holds an entry: what
 * it points to goes, too. */
void mounts_trim(struct mounts *mounts);
/* False once an index broke while it was in use: what was read since may be wrong. */
bool mounts_are_whole(const struct mounts *mounts);
/* Sees to that. True if the call has to be decided again: when *ret_question is
 * answered, or at once if that is 0. */
bool mounts_mend(struct run *run, uint32_t *ret_question);

const struct interpose_mount *mounts_record(const struct mounts *mounts,
					    uint32_t mount);
const char *mounts_fqrn(const struct mounts *mounts, uint32_t mount);
uint32_t mounts_count(const struct mounts *mounts);
bool mounts_is_open(const struct mounts *mounts, uint32_t mount);
/* What could not be opened, or did not exist, is asked for again. */
void mounts_forget_failures(struct mounts *mounts);
/* Bytes of a span of the record; NULL and 0 for one that does not fit. */
const char *mounts_span(const struct mounts *mounts, uint32_t mount,
			struct interpose_span span, uint32_t *ret_len);

/* Body of an OBJECT question: hash text of the catalog NUL path. Length or a negative
 * errno. */
int mounts_question_body(const struct mounts *mounts, const struct place *place,
			 char *buffer, size_t size);
/* Where the numbers of a place's catalog begin. */
uint64_t mounts_inode_base(const struct mounts *mounts, const struct place *place);
/* Stable number of an entry, below 2^53. */
uint64_t mounts_inode(const struct mounts *mounts, const struct place *place,
		      const struct interpose_entry *entry);
/* Number that statfs and stat show for the repository; of /cvmfs with kind PLACE_TOP.
 */
uint64_t mounts_device(const struct place *place);
/* Id of its mount in statx and mountinfo; of /cvmfs with kind PLACE_TOP. */
uint32_t mounts_mount_id(const struct place *place);
/* /cvmfs, or the root of a repository: where something is mounted. */
bool mounts_is_root(const struct place *place);
/* Path as the job sees it (/cvmfs/FQRN/...); its length or -ENAMETOOLONG, -EIO. */
int mounts_path(const struct mounts *mounts, const struct place *place, char *buffer,
		size_t size);

#endif
