/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes one call again and again in some threads or processes: see calls.c. */
#ifndef INTERPOSE_BENCHMARKS_WORKERS_H
#define INTERPOSE_BENCHMARKS_WORKERS_H
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MOST_PATHS = 16384,
	MOST_WORKERS = 256,
	BATCH = 64,
	WARM_TIMES = 4,
	MOST_BATCHES = 1 << 16
};

struct list {
	const char *names[MOST_PATHS];
	const char *absolute[MOST_PATHS];
	int count;
};

struct question {
	const char *name;
	void (*call)(const char *path);
	const struct list *list;
	bool absolute;
};

struct worker {
	const struct question *question;
	int first;
	bool alone;
	long calls;
	double ns;
};

static double limit_ns; /* how long each worker makes calls */
static pthread_barrier_t together;

static void fail(const char *what)
{
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double batches_ns[MOST_BATCHES]; /* of the only worker, if it is */

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

/* Makes calls until the time is over, or `most` of them. */
static void spend(struct worker *worker, double until_ns, long most)
{
	const struct list *list = worker->question->list;
	const char *const *names =
		worker->question->absolute ? list->absolute : list->names;
	int at = worker->first % list->count;
	double before = now_ns(), after;

	worker->calls = 0;
	do {
		for (int i = 0; i < BATCH; i++) {
			worker->question->call(names[at]);
			at = at + 1 == list->count ? 0 : at + 1;
		}
		after = now_ns();
		if (worker->alone)
			batches_ns[worker->calls / BATCH % MOST_BATCHES] =
				after - before;
		before = after;
		worker->calls += BATCH;
	} while (worker->calls < most && after < until_ns);
}

/* For each call: what else the machine does falls on few batches. */
static double median_batch_ns(const struct worker *worker)
{
	long count = worker->calls / BATCH;

	if (count > MOST_BATCHES)
		count = MOST_BATCHES;
	qsort(batches_ns, (size_t)count, sizeof(double), compare);
	return batches_ns[count / 2] / BATCH;
}

static void work(struct worker *worker)
{
	double start = now_ns();

	spend(worker, start + limit_ns, LONG_MAX);
	worker->ns = now_ns() - start;
}

static void *of_thread(void *worker)
{
	pthread_barrier_wait(&together);
	work(worker);
	return NULL;
}

static void by_threads(struct worker *workers, int count)
{
	pthread_t threads[MOST_WORKERS];

	pthread_barrier_init(&together, NULL, (unsigned)count);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, of_thread, &workers[i]) != 0)
			fail("pthread_create");
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&together);
}

/* All begin when the writing end of a pipe is closed. */
static void by_processes(struct worker *workers, int count)
{
	int gate[2];
	char byte;

	if (pipe(gate) < 0)
		fail("pipe");
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child > 0)
			continue;
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0)
			_exit(1);
		work(&workers[i]);
		_exit(0);
	}
	close(gate[0]);
	close(gate[1]);
	while (wait(NULL) > 0)
		;
}

static void measure(const struct question *question, struct worker *workers, int count,
		    bool processes)
{
	long calls = 0;
	double longest = 0;
	struct worker warm = {.question = question};
	bool alone = count == 1 && !processes;

	/* Fills the kernel's caches and ours, while this is the only thread. */
	spend(&warm, now_ns() + WARM_TIMES * limit_ns, 2L * question->list->count);
	for (int i = 0; i < count; i++) {
		workers[i] = (struct worker){.question = question};
		workers[i].alone = alone;
		workers[i].first = i * (question->list->count / count);
	}
	if (processes)
		by_processes(workers, count);
	else if (alone)
		work(workers);
	else
		by_threads(workers, count);
	for (int i = 0; i < count; i++) {
		calls += workers[i].calls;
		if (workers[i].ns > longest)
			longest = workers[i].ns;
	}
	printf("%s %.2f\n", question->name,
	       alone ? median_batch_ns(&workers[0]) : longest / (double)calls);
	fflush(stdout);
}

#endif
