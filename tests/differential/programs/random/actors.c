/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads and processes that take turns; steps of one group overlap. */
#include "steps.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { TIME_LIMIT_S = 100 }; /* below the callers' */

__thread int table;

/* Threads of the first process: 0, 1 and, with a working directory of its own, 2; a
 * process without its memory but with its descriptors: 5. A second process, of root
 * with mounts of its own: 3, and 4 with descriptors of its own. */
static const int tables[ACTORS] = {0, 0, 0, 1, 2, 0};

/* An actor without a step is not there: threads, mounts and a directory of one's own
 * are what a stub leaves calls to the tracer for. */
static bool acts(int actor)
{
	for (int i = 0; i < step_count; i++)
		if (steps[i].actor == actor)
			return true;
	return false;
}

static unsigned int members(int group, int *first)
{
	unsigned int mask = 0;
	int at = *first;

	while (at < step_count && steps[at].group < group)
		at++;
	*first = at;
	for (; at < step_count && steps[at].group == group; at++)
		mask |= 1u << steps[at].actor;
	return mask;
}

static void await_turn(int me, int group)
{
	int now;

	while ((now = __atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE)) != group)
		syscall(SYS_futex, &shared->turn, FUTEX_WAIT_BITSET, now, NULL, NULL,
			1u << me);
}

static void end_turn(int group, int first)
{
	unsigned int next;

	if (__atomic_sub_fetch(&shared->left, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	while (first < step_count && steps[first].group <= group)
		first++;
	group = first < step_count ? steps[first].group : group + 1;
	next = members(group, &first);
	__atomic_store_n(&shared->left, __builtin_popcount(next), __ATOMIC_RELEASE);
	__atomic_store_n(&shared->turn, group, __ATOMIC_RELEASE);
	if (next)
		syscall(SYS_futex, &shared->turn, FUTEX_WAKE_BITSET, 1 << 20, NULL,
			NULL, next);
}

/* Others may look at us in /proc until they have done their steps. */
static int end_for_all(void)
{
	int now = __atomic_add_fetch(&shared->ended, 1, __ATOMIC_ACQ_REL);

	syscall(SYS_futex, &shared->ended, FUTEX_WAKE, 1 << 20, NULL, NULL, 0);
	return now;
}

static void await_all(void)
{
	int now = end_for_all();

	while (now < ACTORS) {
		syscall(SYS_futex, &shared->ended, FUTEX_WAIT, now, NULL, NULL, 0);
		now = __atomic_load_n(&shared->ended, __ATOMIC_ACQUIRE);
	}
}

static bool is_ours(const struct stat *st)
{
	return st->st_dev == tree_dev || st->st_dev == top_dev;
}

/* The kernel has read the address. */
static bool names_root(const struct step *step)
{
	struct sockaddr_un address = {0};
	struct stat st, root;

	memcpy(&address, (const void *)step->values[1], (size_t)step->values[2]);
	return stat(address.sun_path, &st) == 0 && stat("/", &root) == 0 &&
	       st.st_dev == root.st_dev && st.st_ino == root.st_ino;
}

/* The root of the host is not the same on both sides: natively one of a file system of
 * its own, that may not be written to, and that an ordinary user has mounted. */
static int told(const struct step *step, int error)
{
	const char *name = step->call->name;
	int at = strncmp(name, "facc", 4) == 0;
	struct stat st;

	if (strcmp(name, "connect") == 0 &&
	    (error == EROFS || error == ECONNREFUSED || error == EACCES) &&
	    names_root(step))
		return EROFS;
	/* At the end of a listing some file systems are at the end of all positions. */
	if (strcmp(name, "read") == 0 && error == EINVAL &&
	    fstat((int)step->values[0], &st) == 0 && S_ISDIR(st.st_mode) &&
	    !is_ours(&st))
		return EISDIR;
	if ((error != EROFS && error != EACCES) || geteuid() == 0 ||
	    (!at && strcmp(name, "access") != 0))
		return error;
	if (fstatat(at ? (int)step->values[0] : AT_FDCWD,
		    (const char *)step->values[at], &st, AT_EMPTY_PATH) < 0 ||
	    is_ours(&st))
		return error;
	return EROFS;
}

/* A full slot is emptied first: the number of the next descriptor is then the same on
 * both sides, whatever went before. */
static void carry_out(struct step *step)
{
	const struct call *call = step->call;
	int *slot = &shared->slots[table][step->slot];

	if (call->opens && *slot >= 0) {
		close(*slot);
		*slot = -1;
	}
	arguments_decode(step);
	errno = 0;
	if (call->carry)
		step->result = call->carry(step);
	else
		step->result = site_call(call->number, step->values);
	/* There are no handles here; the errors before that are compared. */
	if (call->number == SYS_name_to_handle_at &&
	    (step->result == 0 || errno == EOVERFLOW || errno == EINVAL ||
	     errno == EFAULT || errno == EOPNOTSUPP)) {
		note(step, " handle");
		return;
	}
	if (step->result < 0) {
		int error = told(step, errno);

		note(step, " E%d%s", error,
		     error != EFAULT && arguments_damaged(step, 0) ? " damaged" : "");
		return;
	}
	/* Which attributes there are is the file system's business. */
	note(step, " %ld", strstr(call->name, "listxattr") ? 0 : step->result);
	if (call->opens)
		*slot = (int)step->result;
	if (call->show)
		call->show(step);
	if ((call->show == show_text || call->show == show_data) &&
	    arguments_damaged(step, (size_t)step->result))
		note(step, " damaged");
}

static void *act(void *argument)
{
	int me = (int)(intptr_t)argument, at = 0;

	table = tables[me];
	if (me == 2 && unshare(CLONE_FS) < 0)
		_exit(3);
	if (me == 4 && unshare(CLONE_FILES) < 0)
		_exit(3);
	arguments_begin();
	shared->pids[me] = getpid();
	shared->tids[me] = (pid_t)syscall(SYS_gettid);
	/* Who copies descriptors has done so before others open any. */
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < ACTORS)
		sched_yield();
	while (at < step_count) {
		int group = steps[at].group, first = at;

		if (!(members(group, &first) & (1u << me))) {
			while (at < step_count && steps[at].group == group)
				at++;
			continue;
		}
		await_turn(me, group);
		for (; at < step_count && steps[at].group == group; at++) {
			if (steps[at].actor == me)
				carry_out(&steps[at]);
		}
		end_turn(group, first);
	}
	await_all();
	return NULL;
}

static void only_standard(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	syscall(SYS_close_range, 3, ~0u, 0);
}

/* One that is not there has done all its steps. */
static bool thread(int me, pthread_t *started)
{
	if (!acts(me)) {
		__atomic_add_fetch(&shared->ready, 1, __ATOMIC_ACQ_REL);
		end_for_all();
		return false;
	}
	if (pthread_create(started, NULL, act, (void *)(intptr_t)me) != 0)
		_exit(4);
	return true;
}

static void first_process(void)
{
	pthread_t others[2];
	bool there[2];
	int status;
	pid_t pid;

	only_standard();
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		act((void *)5);
		_exit(0);
	}
	for (int i = 0; i < 2; i++)
		there[i] = thread(1 + i, &others[i]);
	act((void *)0);
	for (int i = 0; i < 2; i++)
		if (there[i])
			pthread_join(others[i], NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(status != 0);
}

/* Where it may: a mount namespace of its own, in which a directory is covered, with a
 * link into the tree where the others have a file, and shown once more below. */
static void own_mounts(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "dir", "tmpfs", 0, "mode=755") < 0 ||
	    mkdir("dir/sub", 0755) < 0 || symlink(tree, "dir/in") < 0 ||
	    symlink("sub/in0", "dir/file") < 0 ||
	    mount(work, "dir/sub", NULL, MS_BIND, NULL) < 0) {
		perror("mounts");
		_exit(5);
	}
}

static void second_process(void)
{
	pthread_t other;
	bool there;

	if (acts(3) || acts(4))
		own_mounts();
	only_standard();
	there = thread(4, &other);
	act((void *)3);
	if (there)
		pthread_join(other, NULL);
	_exit(0);
}

static pid_t start(void (*process)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		process();
	}
	return pid;
}

static pid_t pids[2];

/* A step that never ends is a result too. */
static void too_late(int signal_number)
{
	(void)signal_number;
	for (int i = 0; i < 2; i++) {
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	}
}

void actors_run(void)
{
	int first = 0, status;

	memset(shared->slots, 0xff, sizeof(shared->slots));
	shared->turn = step_count ? steps[0].group : 0;
	shared->left = __builtin_popcount(members(shared->turn, &first));
	signal(SIGALRM, too_late);
	alarm(TIME_LIMIT_S);
	pids[0] = start(first_process);
	pids[1] = start(second_process);
	for (int i = 0; i < 2; i++) {
		pid_t ended = waitpid(-1, &status, 0);

		if (ended < 0 && errno == EINTR) {
			i--;
			continue;
		}
		if (ended > 0 && status == 0)
			continue;
		printf("a process ended with %x in group %d\n", (unsigned int)status,
		       shared->turn);
		too_late(0);
		while (wait(NULL) > 0)
			;
		return;
	}
}
