/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flock, fcntl. An object in a cache of several nodes is a file of theirs, too: a lock
 * on it would stop their jobs, or fail where its file system has none. flock holds
 * between the processes of this run, on a file of the run's own. fcntl's locks cannot
 * meet: nobody has a descriptor that may write, which F_WRLCK needs (EBADF). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "find/look.h"
#include "run/errands.h"
#include "run/objects.h"
#include "syscalls/handlers.h"
#include "tracee/descriptors.h"
#include "tracee/kernel.h"

enum {
	NAP_MS = 10,
	MANY = 64,
	GETLK64 = 12 /* of i386; the own ABI has no such command */
};

/* An open file description of the job that has asked for flock. */
struct lock {
	uint64_t dev, ino; /* of the object */
	int description;   /* our duplicate of it */
	int substitute;	   /* the file that is locked in its place */
	pid_t holder;	   /* a thread that had it when we looked last */
	struct lock *next;
};

struct locks {
	struct lock *first;
	size_t count;
};

static bool is_of(const struct lock *lock, const struct stat *object)
{
	return lock->dev == object->st_dev && lock->ino == object->st_ino;
}

/* ---- whether somebody still has it ---- */

struct search {
	struct lock *lock;
	bool found;
};

static bool has_description(const struct tracee *tracee, const struct lock *lock)
{
	char path[64];
	struct dirent *entry;
	struct stat st;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", tracee->tid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		found = entry->d_name[0] != '.' && look_inode(tracee, fd, &st) == 0 &&
			st.st_dev == lock->dev && st.st_ino == lock->ino &&
			descriptors_same(tracee->tid, fd, lock->description);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void search_tracee(struct tracee *tracee, void *context)
{
	struct search *search = context;

	if (search->found || !has_description(tracee, search->lock))
		return;
	search->lock->holder = tracee->tid;
	search->found = true;
}

static bool is_held(const struct run *run, struct lock *lock)
{
	const struct tracee *holder = tracees_find(run->tracees, lock->holder);
	struct search search = {.lock = lock};

	if (holder && has_description(holder, lock))
		return true;
	tracees_each(run->tracees, search_tracee, &search);
	return search.found;
}

/* Drops what nobody has any more, of one object or (NULL) of all. True: there was
 * something. */
static bool sweep(struct run *run, const struct stat *object)
{
	struct lock **at = &run->locks->first;
	bool any = false;

	while (*at) {
		struct lock *lock = *at;

		if ((object && !is_of(lock, object)) || is_held(run, lock)) {
			at = &lock->next;
			continue;
		}
		*at = lock->next;
		run->locks->count--;
		close(lock->description);
		close(lock->substitute);
		free(lock);
		any = true;
	}
	return any;
}

/* ---- the file in its place ---- */

static int new_file(const struct run *run)
{
	int fd = kernel_has(KERNEL_MEMFD) ? memfd_create("lock", MFD_CLOEXEC) : -1;

	if (fd >= 0)
		return fd;
	return openat(run->scratch.fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* Another open file description of the same file, if there is one. */
static int new_substitute(const struct run *run, const struct stat *object)
{
	char path[32];

	for (const struct lock *lock = run->locks->first; lock; lock = lock->next) {
		if (!is_of(lock, object))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", lock->substitute);
		return open(path, O_RDWR | O_CLOEXEC);
	}
	return new_file(run);
}

static struct lock *find(const struct run *run, const struct tracee *tracee, int fd,
			 const struct stat *object)
{
	struct lock *lock = run->locks->first;

	while (lock && (!is_of(lock, object) ||
			!descriptors_same(tracee->tid, fd, lock->description)))
		lock = lock->next;
	return lock;
}

static struct lock *make(struct run *run, const struct tracee *tracee, int fd,
			 const struct stat *object)
{
	struct lock *lock = calloc(1, sizeof(*lock));

	if (!lock)
		return NULL;
	if (run->locks->count >= MANY)
		sweep(run, NULL);
	lock->dev = object->st_dev;
	lock->ino = object->st_ino;
	lock->description = descriptors_duplicate(tracee, fd);
	lock->substitute = lock->description < 0 ? -1 : new_substitute(run, object);
	if (lock->substitute < 0) {
		if (lock->description >= 0)
			close(lock->description);
		free(lock);
		return NULL;
	}
	lock->holder = tracee->tid;
	lock->next = run->locks->first;
	run->locks->first = lock;
	run->locks->count++;
	return lock;
}

/* ---- the calls ---- */

/* The tracee's descriptor is of an object that others may have, too. */
static bool is_shared(struct run *run, struct tracee *tracee, int fd)
{
	struct target target;

	if (objects_none_shared(run))
		return false; /* most runs have no such cache */
	target_of_descriptor(&target, run, tracee, fd);
	return target.kind == TARGET_OURS && target.walk.at.kind == PLACE_ENTRY &&
	       S_ISREG(target.walk.entry.mode) &&
	       objects_shared(run, &target.walk.entry) &&
	       !(descriptors_flags(tracee->tid, fd) & O_PATH);
}

static int nap(void *argument, const atomic_bool *over)
{
	const struct timespec time = {.tv_nsec = NAP_MS * 1000000L};

	(void)argument;
	(void)over;
	nanosleep(&time, NULL);
	return 0;
}

static void drop_nothing(void *argument)
{
	(void)argument;
}

static enum verdict leave_interrupted(struct run *run, struct tracee *tracee)
{
	(void)run;
	return tracee_interrupted(tracee);
}

/* Nobody tells when a lock is free: the call is decided again a moment later. */
static enum verdict wait_for_lock(struct run *run, struct tracee *tracee)
{
	struct errand errand = {.key = UINT64_C(0x4c4f434b) << 32 |
				       (uint32_t)tracee->tid,
				.work = nap,
				.shared = true,
				.drop = drop_nothing};

	tracee->stop.leave = leave_interrupted;
	tracee->question = errands_send(run->errands, &errand);
	return tracee->question ? VERDICT_WAIT : tracee_answer(tracee, -ENOLCK);
}

HANDLER(enter_flock)
{
	int fd = (int)tracee->stop.args[0], operation = (int)tracee->stop.args[1];
	struct lock *lock;
	struct stat st;
	int error;

	if (!is_shared(run, tracee, fd) || look_inode(tracee, fd, &st) < 0)
		return VERDICT_PASS;
	if (!run->locks)
		run->locks = calloc(1, sizeof(*run->locks));
	if (!run->locks)
		return tracee_answer(tracee, -ENOLCK);
	lock = find(run, tracee, fd, &st);
	if (!lock && operation == LOCK_UN)
		return tracee_answer(tracee, 0);
	if (!lock)
		lock = make(run, tracee, fd, &st);
	if (!lock) /* without pidfd_getfd or kcmp: a lock that nobody else sees */
		return tracee_answer(tracee, 0);
	error = flock(lock->substitute, operation | LOCK_NB) < 0 ? errno : 0;
	/* Where /proc could not be read the sweep has taken this one, too. */
	if (error == EWOULDBLOCK && sweep(run, &st) &&
	    (lock = find(run, tracee, fd, &st)))
		error = flock(lock->substitute, operation | LOCK_NB) < 0 ? errno : 0;
	if (error == EWOULDBLOCK && !(operation & LOCK_NB))
		return wait_for_lock(run, tracee);
	return tracee_answer(tracee, -error);
}

/* `type` is the first field of every struct flock. */
static enum verdict lock_record(struct tracee *tracee, int command)
{
	bool asks = command == F_GETLK || command == GETLK64 || command == F_OFD_GETLK;
	uint64_t address = tracee->stop.args[2];
	const int16_t none = F_UNLCK;
	int16_t type;

	if (tracee_read(tracee, address, &type, sizeof(type)) < 0)
		return VERDICT_PASS; /* EFAULT */
	if (type == F_UNLCK ? asks && command != F_OFD_GETLK
			    : type != F_RDLCK && !(asks && type == F_WRLCK))
		return VERDICT_PASS; /* EBADF or EINVAL, before the file is asked */
	if (asks && tracee_write(tracee, address, &none, sizeof(none)) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, 0);
}

HANDLER(enter_fcntl)
{
	bool own = tracee->stop.regs.abi == ARCH_OWN;
	int command = (int)tracee->stop.args[1];

	if ((own && command >= GETLK64 && command < GETLK64 + 3) ||
	    !is_shared(run, tracee, (int)tracee->stop.args[0]))
		return VERDICT_PASS;
	return lock_record(tracee, command);
}
