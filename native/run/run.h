/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one run shares between its parts: scratch, channel, mounts, objects, nodes. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "path/prefix.h"
#include "run/channel.h"

struct errands;
struct fast;
struct inners;
struct mounts;
struct objects;
struct openables;
struct owners;
struct nodes;
struct preferred;
struct skeletons;
struct slowmounts;
struct standins;
struct stubcaches;
struct locks;
struct trace;
struct twins;
struct unasked;
struct tracee;
struct tracees;
struct sock_fprog;

struct scratch {
	char path[4096];     /* SCRATCH/.interpose-XXXXXX, absolute and canonical */
	uint64_t dev, ino;   /* which directory that is; 0: none yet */
	int fd;		     /* O_PATH of it, for scratch_own() too */
	int parent_fd;	     /* likewise of the directory that it lies in */
	pid_t maker;	     /* whose descriptors these are */
	int lock_fd;	     /* holds the lock that says: this run is alive */
	const char *folders; /* in it: a letter each */
};

struct counters {
	uint64_t stops, exit_stops, answered, redirected, questions;
	uint64_t processes;
};

/* What is found on this machine when a run starts; nothing of it changes. */
struct machine {
	uint64_t top_dev, top_ino;   /* what it has at /cvmfs; 0: no matter */
	uint64_t root_dev, root_ino; /* of its / */
	uint64_t root_mount;	     /* id of the mount that it is of; 0: unknown */
	uint64_t mount_space;	/* inode of the tracer's mount namespace; likewise */
	uint64_t proc_dev;	/* st_dev of /proc */
	uint32_t mount_numbers; /* tracee/kernel.h */
	bool null_names;	/* likewise */
};

/* Lines that a run says once. The first ones are those of enum broken (broken.h). */
enum said {
	SAID_COVERED = 16,
	SAID_ELSEWHERE,
	SAID_OTHER_ROOT,
	SAID_LOST_RIGHTS,
	SAID_NO_TRACER,
	SAID_HIDDEN_MEMORY
};

/* One run. Made by launch/, used by everything below it. */
struct run {
	uint32_t number; /* by chance; below INSCRIPTION_RUNS (inscription.h) */
	struct scratch scratch;
	/* A second one, in memory, for directories and small twins. It has no path
	 * until the first one is made. */
	struct scratch *memory;
	const char *memory_base; /* NULL: there is nothing to make it in */
	struct channel *channel;
	struct errands *errands;
	struct slowmounts *slow;
	struct mounts *mounts;
	struct objects *objects;
	struct nodes *nodes;
	struct skeletons *skeletons;
	struct twins *twins;
	struct owners *owners;
	struct openables *openables;
	struct stubcaches *stubcaches;
	struct unasked *unasked;
	struct tracees *tracees; /* of tracer/, which lives as long */
	struct inners *inners;	 /* tracer/inner.c: interpose_run below this one */
	/* What such a one asks; gives an enum verdict. */
	int (*inside)(struct run *run, struct tracee *tracee);
	struct locks *locks;	   /* syscalls/locks.c; NULL: none yet */
	struct standins *standins; /* find/standins.c; likewise */
	struct trace *trace;	   /* NULL without --trace */
	struct fast *fast;	   /* fast/; NULL: every call stops */
	struct counters counters;
	void (*say)(void *context, const char *text); /* one line to the user */
	void *say_context;
	unsigned int said; /* bits of enum said */
	bool remounted;	   /* the job has mounted something where our own paths lead */
	/* For processes that have had a descriptor of an object that others use, too;
	 * and how many filters one has before that. */
	const struct sock_fprog *descriptor_filter;
	int filters;
	const char *kept; /* directory of mount files of earlier jobs; NULL: none */
	struct prefixes prefixes;
	bool prefer_host; /* a repository that the host has mounted is left to it */
	const char *const *named; /* -r, as given: not these */
	size_t named_count;
	struct preferred *preferred; /* find/preferring.c; NULL: none yet */
	struct machine machine;
	uid_t uid;
	gid_t gid;
	int group_count;
	gid_t *groups;
	const char *settings; /* what interpose_run below this one may ask about */
	size_t settings_size;
	const char *const *environment; /* for variant symlinks; interpose_run's own */
};

/* Makes the parts that are empty at first; `start` and `wake` as channel.h and
 * errands.h have them. 0 or -ENOMEM. */
int run_create(struct run *run, channel_starter start, void *context,
	       void (*wake)(void));
/* After errands_destroy() and channel_destroy(): the rest. */
void run_destroy(struct run *run);
bool run_has_said(const struct run *run, unsigned int said);
/* Says it if the run has not: `said` is of enum said or enum broken. */
void run_say_once(struct run *run, unsigned int said, const char *text);
/* What a resolver that ended because nobody asked it has counted: its JSON object, for
 * free(); NULL: nothing (interpose/resolver/handover.py). */
char *run_figures_left(const struct run *run);

#endif
