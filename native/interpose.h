/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that Python may call, and the layouts that Python and C share. cffi reads this
 * file too, so it has no preprocessor lines but its guard (style: one truth). */
#ifndef INTERPOSE_H
#define INTERPOSE_H

enum {
	INTERPOSE_INDEX_VERSION = 3,
	INTERPOSE_MOUNT_MAGIC = 0x544d5049, /* "IPMT" */
	INTERPOSE_MOUNT_VERSION = 5,
	INTERPOSE_CHANNEL_VERSION = 1,
	INTERPOSE_LIST_SIZE = 65536, /* of one answer to INTERPOSE_LIST */
	INTERPOSE_DIGEST_SIZE = 20
};

enum interpose_algorithm { /* as the bits of a catalog's flags */
			   INTERPOSE_SHA1 = 0,
			   INTERPOSE_RIPEMD160 = 1,
			   INTERPOSE_SHAKE128 = 2
};

enum interpose_entry_flag {
	INTERPOSE_ENTRY_CHUNKED = 1,
	INTERPOSE_ENTRY_EXTERNAL = 2,
	INTERPOSE_ENTRY_UNCOMPRESSED = 4,
	INTERPOSE_ENTRY_NESTED = 8, /* a mount point of a nested catalog */
	INTERPOSE_ENTRY_BIND = 16,  /* with NESTED: a bind mount point */
	INTERPOSE_ENTRY_HIDDEN = 32,
	INTERPOSE_ENTRY_XATTR = 64,	  /* has stored attributes */
	INTERPOSE_ENTRY_VARIANT = 128,	  /* a link target with "$(" */
	INTERPOSE_ENTRY_NO_CONTENT = 256, /* a regular file without any hash */
	INTERPOSE_ENTRY_DIRECT_IO = 512,
	INTERPOSE_ENTRY_TWIN =
		1024 /* another file of the catalog has its content, too */
};

/* ---- building an index (Python: repository/indexing.py) ---- */

/* One row of table `catalog`. Its name, link target, digest and attribute blob stand
 * one after the other in the byte string that comes with the rows. */
struct interpose_row {
	int64_t path_1, path_2;	    /* md5path_1, md5path_2 */
	int64_t parent_1, parent_2; /* of the directory that lists the row */
	int64_t size;		    /* bytes; makedev() for devices */
	int64_t mtime;		    /* seconds since 1970 */
	uint64_t hardlinks;	    /* group << 32 | link count */
	uint32_t mtime_ns;
	uint32_t mode; /* full st_mode */
	uint32_t uid, gid;
	uint32_t flags; /* the catalog's own bits (docs/format.md 4.5) */
	uint32_t rowid;
	uint32_t name_len, target_len, digest_len, xattr_len;
};

struct interpose_chunk {
	uint64_t offset, size; /* bytes, unpacked */
	uint8_t digest[20];
	uint8_t reserved[4];
};

struct interpose_builder;

struct interpose_builder *interpose_builder_create(void);
void interpose_builder_destroy(struct interpose_builder *builder);
/* All return 0 or a negative errno: -ENOMEM; -EBADMSG when the rows contradict one
 * another (lengths beyond `bytes`, a name with '/' or NUL, no root row, a parent that
 * is no directory or is missing, two rows of one name, a circle). */
int interpose_builder_add_rows(struct interpose_builder *builder,
			       const struct interpose_row *rows, size_t count,
			       const uint8_t *bytes, size_t bytes_len);
/* `digest` names the assembled file: hash over the concatenated chunk digests. */
int interpose_builder_add_chunks(struct interpose_builder *builder, int64_t path_1,
				 int64_t path_2, const uint8_t *digest,
				 const struct interpose_chunk *chunks, size_t count);
/* A row of nested_catalogs or bind_mountpoints; digest NULL: cannot be entered. */
int interpose_builder_add_nested(struct interpose_builder *builder, int64_t path_1,
				 int64_t path_2, const uint8_t *digest,
				 uint32_t algorithm, int is_bind);
/* Writes the finished file to `fd`. root_*: path hash of the catalog's own root. */
int interpose_builder_finish(struct interpose_builder *builder, int fd,
			     const uint8_t *catalog_digest, uint32_t catalog_algorithm,
			     int64_t root_1, int64_t root_2);

/* ---- reading an index ---- */

struct interpose_entry {
	uint64_t size;
	int64_t mtime;
	uint64_t device; /* of a character or block device: makedev() value */
	uint32_t mtime_ns;
	uint32_t mode, uid, gid, nlink;
	uint32_t inode; /* unique within the catalog, equal in a hard-link group */
	uint32_t flags; /* enum interpose_entry_flag */
	uint32_t algorithm;
	uint32_t parent; /* entry number; the root is 0 and its own parent */
	uint32_t first_child, child_count; /* of directories */
	uint32_t chunk_count;
	uint32_t name_len, target_len, xattr_len;
	const char *name;     /* not terminated */
	const char *target;   /* of symbolic links, not terminated, not expanded */
	const uint8_t *xattr; /* the catalog's blob */
	const uint8_t
		*digest; /* 20 bytes: content, or the nested catalog; NULL if none */
	const struct interpose_chunk *chunks;
};

struct interpose_index;

/* Maps the file `fd`. -EBADMSG: not an index of this version, or damaged. */
int interpose_index_open(int fd, struct interpose_index **ret_index);
void interpose_index_close(struct interpose_index *index);
/* Not 0 once bytes of the mapped file were gone: what was read last may be zeros. */
int interpose_index_is_broken(const struct interpose_index *index);
/* The digest of the catalog (20 bytes), and its algorithm. */
uint32_t interpose_index_catalog(const struct interpose_index *index,
				 uint8_t *ret_digest);
uint32_t interpose_index_count(const struct interpose_index *index);
/* -ERANGE: no such entry; -EBADMSG: damaged. */
int interpose_index_entry(const struct interpose_index *index, uint32_t number,
			  struct interpose_entry *ret_entry);
/* 1 found, 0 absent, -EBADMSG damaged. */
int interpose_index_child(const struct interpose_index *index, uint32_t directory,
			  const char *name, size_t name_len, uint32_t *ret_number);

/* ---- who may write where (native/owned) ---- */

enum interpose_owned {
	INTERPOSE_OWNED = 0,	     /* ours alone */
	INTERPOSE_OWNED_MISSING = 1, /* what is there of the way is */
	INTERPOSE_OWNED_FOREIGN = 2, /* something of it belongs to somebody else */
	INTERPOSE_OWNED_OPEN = 3,    /* somebody else may write something of it */
	INTERPOSE_OWNED_UNKNOWN = 4  /* it cannot be looked at */
};

/* Of an absolute path; `where` (`size` bytes) is the place that decided. */
int interpose_owned(const char *path, char *where, size_t size);

/* Directories by descriptor, and whether only the owners `uids` decide what they hold.
 * A path is walked name by name, and what was opened is what is judged: nobody can
 * exchange it between a look and its use (docs/trust.md). Defined in
 * native/owned/walk.c.
 *
 * The directory at the absolute `path`, whose links are followed with care: a link
 * counts if an owner made it, or if only such can have put it there. Above the
 * directory itself others may write where they cannot exchange what others made (the
 * sticky bit). Then, from there on, as interpose_walk_below(). A descriptor of O_PATH
 * or -errno: EACCES for a link of others. */
int interpose_walk_to(const char *path, const char *names, const uint32_t *uids,
		      size_t count, int *ret_is_guarded);
/* The directory at the end of plain names, "" or "a/b", below an open one; links are
 * not followed. `is_guarded` is that of the open one, and then of both. */
int interpose_walk_below(int directory, const char *names, const uint32_t *uids,
			 size_t count, int *is_guarded);
/* Whether one of the owners owns what is open, and nobody else may write it, by its
 * lists, too. */
int interpose_alone_write(int fd, const uint32_t *uids, size_t count);

/* Whether an open file is on a file system of this node alone (native/owned/types.h).
 */
int interpose_is_of_this_node(int fd);

/* Whether a file that begins so may be a zlib stream, as each packed object is one.
 * Defined in native/index/objectname.c. */
int interpose_may_be_stream(const uint8_t *head, size_t size);

/* Nanoseconds that go with the second and size of an object (native/owned/seal.h). */
uint32_t interpose_seal(int64_t second, uint64_t size);

/* Gives a finished file its mode, and an object (`sealed`) its seal. 0 or -errno. */
int interpose_finish(int fd, uint32_t mode, int sealed);

/* The same file open to be named only (O_PATH), for nobody can execute what is open for
 * writing; `fd` is closed, whatever comes of it. A descriptor or -errno. */
int interpose_reopen(int fd);

/* Renames within an open directory, never over something (-EEXIST). Some file systems
 * cannot (-EINVAL), nor can old kernels (-ENOSYS). */
int interpose_rename_new(int directory, const char *from, const char *to);

/* A sum that notices damage. */
uint64_t interpose_checksum(const uint8_t *bytes, size_t size);

/* No other process of the user may see or change this one through /proc or ptrace
 * (PR_SET_DUMPABLE). */
void interpose_shut_process(void);

/* ---- an opened repository, as the resolver tells the tracer: SCRATCH/m/FQRN ---- */

enum interpose_view {
	INTERPOSE_VIEW_CLAIM = 1,	      /* CVMFS_CLAIM_OWNERSHIP */
	INTERPOSE_VIEW_CHECK_PERMISSIONS = 2, /* CVMFS_CHECK_PERMISSIONS */
	INTERPOSE_VIEW_WORLD_READABLE = 4,    /* CVMFS_WORLD_READABLE */
	INTERPOSE_VIEW_XATTR_ALWAYS = 8,      /* CVMFS_MAGIC_XATTRS_VISIBILITY */
	INTERPOSE_VIEW_XATTR_NEVER = 16,
	INTERPOSE_VIEW_UID_DEFAULT = 32, /* uid_default is set */
	INTERPOSE_VIEW_GID_DEFAULT = 64
};

struct interpose_span { /* bytes of the same file */
	uint32_t offset, length;
};

struct interpose_mount {
	uint32_t magic, version;
	uint64_t checksum; /* interpose_checksum() of all bytes that follow it */
	uint64_t revision;
	int64_t made_at;     /* seconds since 1970, by this node's clock */
	int64_t valid_until; /* the same: end of the TTL */
	uint8_t root_digest[20];
	uint32_t root_algorithm;
	uint32_t view;	   /* enum interpose_view */
	uint32_t uid, gid; /* of the claim */
	uint32_t uid_default, gid_default;
	uint32_t catalog_watermark; /* CVMFS_CATALOG_WATERMARK; 0: none */
	uint64_t inode_seed; /* of this repository's inode numbers, from the FQRN */
	uint64_t blocks, blocks_free, files; /* statfs, in units of 512 bytes */
	struct interpose_span fqrn;
	struct interpose_span index_dir; /* absolute path, no final slash */
	struct interpose_span cache_dir; /* private cache, the same way */
	/* Alien cache, the same way; empty: none, or its objects are asked for. And
	 * whose files count there: user numbers, uint32_t each. */
	struct interpose_span alien_dir, owners;
	struct interpose_span variables; /* NAME=VALUE, each ended by NUL */
	struct interpose_span uid_map;	 /* pairs of uint32_t: from, to */
	struct interpose_span gid_map;
	/* What the configuration was made of: struct interpose_dependency and a path
	 * with its NUL, one after the other, without gaps. */
	struct interpose_span dependencies;
};

/* A file or directory whose change makes a kept mount file worthless. */
struct interpose_dependency {
	int64_t ctime_ns; /* -1: it did not exist */
	uint64_t size, ino;
	uint64_t path_len; /* with its NUL */
};

/* ---- the channel: SOCK_SEQPACKET, a header and bytes ---- */

enum interpose_question_kind {
	INTERPOSE_HELLO = 0, /* first message; NUL-ended settings; no answer */
	INTERPOSE_OPEN = 1,  /* body: -; answer body: path of the mount file */
	INTERPOSE_CATALOG =
		2, /* body: hash text NUL path below /cvmfs/FQRN; answer: -, or path of
		      the index file if it is not in the mount's directory */
	INTERPOSE_OBJECT = 3, /* body: as CATALOG (hash of the catalog, path of the
				 file), `entry`: its number; answer: path of a file */
	/* No fqrn, `entry` is a number; answer: names below /cvmfs from that one on,
	 * each
	 * + '\n', at most INTERPOSE_LIST_SIZE bytes. */
	INTERPOSE_LIST = 4,
	INTERPOSE_NOTE = 5,  /* body: JSON; no answer */
	INTERPOSE_XATTR = 6, /* body: as OBJECT + NUL name (empty: list); answer: value
				or NUL-ended names */
	/* answer: JSON; body: -, or an earlier answer, to be told what came since */
	INTERPOSE_STATISTICS = 7,
	/* What an inner run asks for: NUL-ended NAME=VALUE, as HELLO has repository,
	 * config, option; directory, that it was started in; open, of the tracer: an
	 * opened repository. Answer: nothing, or a line why not. */
	INTERPOSE_ADD = 8
};

enum interpose_question_flag {
	INTERPOSE_QUESTION_NAMED = 2 /* OPEN: asked for by -r: exact errors matter */
};

struct interpose_question {
	uint32_t version, id, kind, flags;
	uint32_t entry;
	uint32_t fqrn_len, body_len;
	uint32_t reserved;
};

struct interpose_answer {
	uint32_t version, id;
	int32_t error; /* 0 or a positive errno */
	uint32_t body_len;
};

#endif
