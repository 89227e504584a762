/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a call's (dirfd, path) names: the host's business, ours, or a host file that is
 * reached only through /cvmfs. */
#ifndef FIND_TARGET_H
#define FIND_TARGET_H

#include "find/call.h"
#include "run/nodes.h"

enum { TARGET_PATH_SIZE = 4096, TARGET_TEXT_SIZE = 2 * TARGET_PATH_SIZE };

enum target_kind {
	TARGET_HOST,	  /* not ours: the kernel does the call as it is */
	TARGET_OURS,	  /* walk.at and walk.entry */
	TARGET_MISSING,	  /* walk.error; walk.missing_last: its directory is ours */
	TARGET_ELSEWHERE, /* a host path, `elsewhere`, found through /cvmfs */
	TARGET_QUESTION	  /* call.question: wait */
};

enum target_flag {
	TARGET_FOLLOW = 1,	 /* a link at the end is followed */
	TARGET_EMPTY_PATH = 2,	 /* "" names dirfd itself (AT_EMPTY_PATH) */
	TARGET_PARENT = 8,	 /* end in the directory of the last name */
	TARGET_CREATE = 16,	 /* a name to be made: final slashes follow no link */
	TARGET_OPEN_CREATE = 32, /* O_CREAT: final slashes are EISDIR */
	TARGET_REAL_IDS = 64,	 /* permissions of the real user, as access(2) */
	TARGET_NULL_PATH = 128,	 /* NULL is ""; with TARGET_EMPTY_PATH */
	TARGET_PROMISES = 256,	 /* from this bit on: enum walk_promise */
	/* What is to be done with it, for rows that have modes: enum prefix_mode. */
	TARGET_EXECUTES = 8192 * PREFIX_EXECUTE,
	TARGET_WRITES = 8192 * PREFIX_WRITE,
	TARGET_READS = 8192 * PREFIX_READ,
	TARGET_MAGIC = 4 /* stop at a link of /proc that leads to something of ours */
};

struct standin;
struct target {
	enum target_kind kind;
	struct call call;
	struct walk walk;   /* with the room at the end of this */
	unsigned int modes; /* enum prefix_mode, where the walk begins */
	bool by_descriptor; /* named by "" and a descriptor, or by a /proc link */
	bool empty_path;    /* the first of these */
	int descriptor;	    /* which one it is; -1: unknown, or none */
	pid_t holder;	    /* a thread of whose table that is */
	bool bad_name;	    /* no text, or none where one is needed: TARGET_HOST */
	/* With TARGET_MAGIC: the link itself, and what it leads to is walk.at. */
	bool magic;
	const char *said; /* of a link of /proc: what it is said to lead to; NULL: see
			     there */
	bool in_proc; /* the host's directory where the walk has ended is one of /proc
		       */
	char elsewhere[TARGET_PATH_SIZE];
	/* A file of /proc that shows paths, with TARGET_HOST: "PID/NAME", and its path
	 * is `elsewhere`; else "". */
	char proc_file[64];
	/* A file of ours stands for one of the host; NULL: none does. */
	const struct standin *standin;
	struct walk_segment segments[WALK_SEGMENTS];
	char text[TARGET_TEXT_SIZE];
};

/* Nothing is known of it yet. */
void target_init(struct target *target, struct run *run, struct tracee *tracee,
		 unsigned int flags);
/* Finds it. `path` is text that was read once from the tracee; walk.last may lie in it.
 */
void target_find(struct target *target, struct run *run, struct tracee *tracee,
		 int dirfd, const char *path, unsigned int flags);

/* What a descriptor stands for; TARGET_HOST if it is not one of ours. */
void target_of_descriptor(struct target *target, struct run *run, struct tracee *tracee,
			  int fd);

/* A path of the host that no link changes any more, as TARGET_ELSEWHERE; else what the
 * walk ends in. For who has to open what the kernel will. */
void target_locate(struct target *target, const struct call *call, int dirfd,
		   const char *path);

/* Reads the path argument and finds it. False: *ret_verdict is the verdict (the kernel
 * reports a bad pointer by itself; a question waits). */
bool target_of_call(struct target *target, struct run *run, struct tracee *tracee,
		    int dirfd_argument, int path_argument, unsigned int flags,
		    enum verdict *ret_verdict);

/* The same, and what is only reached through /cvmfs is redirected there: true for
 * TARGET_OURS and TARGET_MISSING. */
bool target_of_call_in_cvmfs(struct target *target, struct run *run,
			     struct tracee *tracee, int dirfd_argument,
			     int path_argument, unsigned int flags,
			     enum verdict *ret_verdict);
/* The same, and a missing name is answered with its error: true for TARGET_OURS. */
bool target_of_call_ours(struct target *target, struct run *run, struct tracee *tracee,
			 int dirfd_argument, int path_argument, unsigned int flags,
			 enum verdict *ret_verdict);

/* The host's half, host.c: goes on with the rest of target->walk from directory `fd`
 * (consumed). `was_ours`: the walk came through /cvmfs already. */
void host_walk(struct target *target, int fd, bool was_ours, unsigned int flags);

/* A stand-in was met: TARGET_ELSEWHERE with its name, if that still leads there; then
 * an O_PATH descriptor of it, else negative; `waits` as of standins_open(). */
int target_use_standin(struct target *target, const struct standin *standin,
		       bool waits);

/* For handlers: waits for target->call.question. */
enum verdict target_wait(struct target *target);
/* Gives the call, for argument `position`, the host path that TARGET_ELSEWHERE is. */
enum verdict target_elsewhere(struct target *target, unsigned int position);
/* Answers a missing name with its error. */
enum verdict target_missing(struct target *target);

#endif
