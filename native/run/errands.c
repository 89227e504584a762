/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/errands.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "run/thread.h"

/* Each thread may be stuck for good; what comes after them waits. A thread of the job
 * waits for one errand at most, so a job has to have as many stuck threads itself. */
enum { MAX_THREADS = 1024, PATIENCE_S = 1 };

struct task {
	struct task *next; /* of `queue` or `ended`, or of `running` */
	struct errand errand;
	uint32_t id;
	int error;
};

struct errands {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*wake)(void);
	struct task *queue, *running, *ended; /* first in, first out */
	int threads, idle, writers;
	uint32_t last_id;
	atomic_bool over;
	atomic_bool any_ended; /* spares the lock where nothing has */
};

struct errands *errands_create(void (*wake)(void))
{
	struct errands *errands = calloc(1, sizeof(*errands));

	if (!errands)
		return NULL;
	pthread_mutex_init(&errands->lock, NULL);
	pthread_cond_init(&errands->changed, NULL);
	errands->wake = wake;
	return errands;
}

static void append(struct task **list, struct task *task)
{
	while (*list)
		list = &(*list)->next;
	task->next = NULL;
	*list = task;
}

static void take_out(struct task **list, const struct task *task)
{
	while (*list != task)
		list = &(*list)->next;
	*list = task->next;
}

static void drop(struct task *task)
{
	task->errand.drop(task->errand.argument);
	free(task);
}

/* With the lock: the next task moves to those that run. */
static struct task *begin(struct errands *errands)
{
	struct task *task = errands->queue;

	take_out(&errands->queue, task);
	append(&errands->running, task);
	errands->writers += task->errand.writes;
	return task;
}

static void end(struct errands *errands, struct task *task)
{
	errands->writers -= task->errand.writes;
	take_out(&errands->running, task);
	append(&errands->ended, task);
	atomic_store(&errands->any_ended, true);
	pthread_cond_broadcast(&errands->changed);
}

static void serve(void *context)
{
	struct errands *errands = context;
	struct task *task;

	pthread_mutex_lock(&errands->lock);
	while (!atomic_load(&errands->over)) {
		if (!errands->queue) {
			errands->idle++;
			pthread_cond_wait(&errands->changed, &errands->lock);
			errands->idle--;
			continue;
		}
		task = begin(errands);
		pthread_mutex_unlock(&errands->lock);
		task->error = task->errand.work(task->errand.argument, &errands->over);
		pthread_mutex_lock(&errands->lock);
		end(errands, task);
		errands->wake();
	}
	pthread_mutex_unlock(&errands->lock);
}

static int length(const struct task *list)
{
	int count = 0;

	for (; list; list = list->next)
		count++;
	return count;
}

/* Another thread, if the idle ones have been called for what is in the queue already:
 * no task waits behind one that may last. */
static void engage(struct errands *errands)
{
	if (errands->idle >= length(errands->queue) || errands->threads == MAX_THREADS)
		return;
	if (thread_start(serve, errands) == 0)
		errands->threads++;
}

static struct task *find(struct task *list, uint64_t key)
{
	while (list && list->errand.key != key)
		list = list->next;
	return list;
}

static struct task *under_way(struct errands *errands, const struct errand *errand)
{
	struct task *task = errand->shared ? find(errands->queue, errand->key) : NULL;

	if (errand->shared && !task)
		task = find(errands->running, errand->key);
	return task && task->errand.shared ? task : NULL;
}

static uint32_t enqueue(struct errands *errands, const struct errand *errand)
{
	struct task *task = under_way(errands, errand);

	if (task) {
		errand->drop(errand->argument);
		return task->id;
	}
	task = calloc(1, sizeof(*task));
	if (!task)
		return 0;
	errands->last_id = (errands->last_id + 1) & ~ERRAND_ID;
	task->id = errands->last_id | ERRAND_ID;
	task->errand = *errand;
	append(&errands->queue, task);
	engage(errands);
	pthread_cond_signal(&errands->changed);
	return task->id;
}

uint32_t errands_send(struct errands *errands, const struct errand *errand)
{
	uint32_t id;

	pthread_mutex_lock(&errands->lock);
	id = enqueue(errands, errand);
	pthread_mutex_unlock(&errands->lock);
	return id;
}

void errands_urge(struct errands *errands)
{
	pthread_mutex_lock(&errands->lock);
	engage(errands);
	pthread_mutex_unlock(&errands->lock);
}

uint32_t errands_take(struct errands *errands, struct errand *ret_errand,
		      int *ret_error)
{
	struct task *task;
	uint32_t id = 0;

	if (!atomic_load(&errands->any_ended))
		return 0;
	pthread_mutex_lock(&errands->lock);
	task = errands->ended;
	if (task) {
		take_out(&errands->ended, task);
		id = task->id;
		*ret_errand = task->errand;
		*ret_error = task->error;
		free(task);
	}
	atomic_store(&errands->any_ended, errands->ended != NULL);
	pthread_mutex_unlock(&errands->lock);
	return id;
}

void errands_destroy(struct errands *errands)
{
	struct timespec until;
	struct task *task;

	if (!errands)
		return;
	pthread_mutex_lock(&errands->lock);
	atomic_store(&errands->over, true);
	while ((task = errands->queue)) {
		take_out(&errands->queue, task);
		drop(task);
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	/* One that is stuck makes no new names when it comes out: it sees `over`. */
	while (errands->writers &&
	       pthread_cond_timedwait(&errands->changed, &errands->lock, &until) == 0)
		;
	pthread_cond_broadcast(&errands->changed);
	pthread_mutex_unlock(&errands->lock);
	/* Not freed: threads may still come out of the kernel and look at it. */
}
