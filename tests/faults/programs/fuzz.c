/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz SEED SECONDS PATHS FILE COPY: a job that hardly any program resembles. Processes
 * with several threads make random calls with random arguments; this one starts them,
 * and looks after each round that nobody got lost and that a decent process is served:
 * FILE of /cvmfs has the bytes of COPY. Prints what it did; 0 if all is well. */
#define _GNU_SOURCE 1
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

enum { ROUND_MS = 700, GOODBYE_MS = 300, LOST_MS = 8000, SERVICE_MS = 30000 };
enum { TASKS = 4096, MIB = 1 << 20 };

struct board *board;
struct roster *roster;
/* What whole rounds have done; the board is within reach of random calls. */
static struct {
	unsigned long calls, done[DEEDS];
	bool met[NUMBERS];
} tally;
static pid_t tracer;
static int idle; /* rounds without a call */
static int room; /* where it began */
static const char *file_of_cvmfs, *copy_of_it;
static uint64_t seed;

static void pause_ms(int ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static long field_of(pid_t pid, const char *name)
{
	char path[64], line[256];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

/* ---- who is there ---- */

struct task {
	pid_t tid;
	char state;
	long switches;
};

static char state_of(const char *stat_path)
{
	char text[512] = "";
	int fd = open(stat_path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	const char *end;

	close(fd);
	text[got > 0 ? got : 0] = '\0';
	end = strrchr(text, ')'); /* a name may have any character */
	return end && end[1] ? end[2] : 'X';
}

/* All processes of the job but this one; `each` is called for each thread. */
static int each_task(void (*each)(pid_t pid, pid_t tid, void *context), void *context)
{
	DIR *all = opendir("/proc");
	struct dirent *entry, *thread;
	int count = 0;

	while (all && (entry = readdir(all))) {
		pid_t pid = atoi(entry->d_name);
		char path[300];
		DIR *threads;

		if (!isdigit(entry->d_name[0]) || pid == getpid() || pid == tracer ||
		    field_of(pid, "TracerPid:") != tracer)
			continue;
		count++;
		snprintf(path, sizeof(path), "/proc/%d/task", pid);
		threads = opendir(path);
		while (threads && (thread = readdir(threads)))
			if (isdigit(thread->d_name[0]))
				each(pid, atoi(thread->d_name), context);
		if (threads)
			closedir(threads);
	}
	if (all)
		closedir(all);
	return count;
}

static void send(pid_t pid, pid_t tid, void *context)
{
	(void)tid;
	kill(pid, *(const int *)context);
}

struct tasks {
	struct task list[TASKS];
	size_t count;
};

static void note(pid_t pid, pid_t tid, void *context)
{
	struct tasks *tasks = context;
	char path[64];
	struct task *task;

	if (tasks->count == TASKS)
		return;
	task = &tasks->list[tasks->count++];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	task->tid = tid;
	task->state = state_of(path);
	task->switches = field_of(tid, "voluntary_ctxt_switches:");
}

/* In a stop that nobody ends: how many of `now` were in it at `before` too. */
static size_t still_stopped(struct tasks *before, const struct tasks *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < before->count; i++)
		for (size_t j = 0; j < now->count; j++)
			if (before->list[i].tid == now->list[j].tid &&
			    before->list[i].state == 't' && now->list[j].state == 't' &&
			    before->list[i].switches == now->list[j].switches) {
				before->list[kept++] = before->list[i];
				break;
			}
	before->count = kept;
	return kept;
}

static bool somebody_is_lost(void)
{
	static struct tasks before, now;
	int signal = SIGCONT;

	before.count = 0;
	each_task(send, &signal);
	each_task(note, &before);
	for (int waited = 0; waited < LOST_MS; waited += 20) {
		each_task(send, &signal); /* they stop themselves again */
		pause_ms(20);
		now.count = 0;
		each_task(note, &now);
		if (!still_stopped(&before, &now))
			return false;
	}
	for (size_t i = 0; i < before.count; i++)
		printf("lost: thread %d is stopped for ever\n", before.list[i].tid);
	return true;
}

/* Nobody got away from the tracer. */
static bool all_are_traced(void)
{
	DIR *all = opendir("/proc");
	struct dirent *entry;
	bool good = true;

	while (all && (entry = readdir(all))) {
		pid_t pid = atoi(entry->d_name);
		char path[300];

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (pid <= 1 || field_of(pid, "PPid:") != getpid() ||
		    field_of(pid, "TracerPid:") != 0 || strchr("ZX", state_of(path)))
			continue;
		printf("lost: process %d has no tracer\n", pid);
		good = false;
	}
	if (all)
		closedir(all);
	return good;
}

static bool end_all(void)
{
	int signal = SIGKILL, status;

	for (int waited = 0; waited < LOST_MS; waited += 2) {
		int left = each_task(send, &signal);

		while (waitpid(-1, &status, WNOHANG) > 0)
			;
		if (left == 0 && waitpid(-1, &status, WNOHANG) < 0 && errno == ECHILD)
			return true;
		pause_ms(2);
	}
	printf("lost: processes that do not end\n");
	return false;
}

/* ---- is a decent process served? ---- */

static int decent(void)
{
	char wanted[4096], found[4096];
	int copy = open(copy_of_it, O_RDONLY), file = open(file_of_cvmfs, O_RDONLY);
	ssize_t size = read(copy, wanted, sizeof(wanted));
	DIR *top = opendir("/cvmfs");
	struct stat st;
	char *argv[] = {"true", NULL};

	if (size <= 0 || read(file, found, sizeof(found)) != size ||
	    memcmp(wanted, found, (size_t)size) != 0)
		return 11;
	if (!top || !readdir(top) || !readdir(top)) {
		perror("/cvmfs");
		return 12;
	}
	if (stat("/cvmfs/Is.not", &st) == 0 || errno != ENOENT)
		return 13;
	if (mkdir("/cvmfs/x", 0777) == 0 || errno != EROFS)
		return 14;
	execv("/bin/true", argv);
	return 15;
}

static bool is_served(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(decent());
	for (int waited = 0; waited < SERVICE_MS; waited += 2) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (status)
				printf("a decent process ended with %x\n", status);
			return status == 0;
		}
		pause_ms(2);
	}
	printf("a decent process has no end\n");
	return false;
}

/* ---- rounds ---- */

static void start_worker(int place)
{
	static uint64_t born;
	pid_t pid;

	born++;
	pid = fork();
	if (pid == 0) {
		mprotect(roster, sizeof(*roster), PROT_READ);
		worker_main(seed * 1000003 + born);
	}
	roster->workers[place] = pid > 0 ? pid : 0;
}

static void reap(bool replace)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < WORKERS; i++)
			if (roster->workers[i] == pid && replace)
				start_worker(i);
}

/* Workers stand in it, and may have closed it to themselves or moved it away; and the
 * room around it, where it is theirs. */
static bool open_work(void)
{
	static const char *const names[] = {"work", "work/d"};

	(void)!fchmod(room, 01777);
	for (int i = 0; i < 2; i++)
		if (mkdir(names[i], 0777) < 0 && chmod(names[i], 0777) < 0)
			return false;
	return true;
}

static void add_up(void)
{
	unsigned long calls = atomic_exchange(&board->calls, 0);

	idle += calls == 0;
	tally.calls += calls;
	for (size_t i = 0; i < NUMBERS; i++)
		tally.met[i] |= atomic_exchange(&board->met[i], 0) > 0;
	for (size_t i = 0; i < DEEDS; i++)
		tally.done[i] += atomic_exchange(&board->done[i], 0);
}

static bool play_round(void)
{
	if (!open_work())
		printf("no directory to work in: %d\n", errno);
	board->quit = 0;
	for (int i = 0; i < WORKERS; i++)
		start_worker(i);
	for (int passed = 0; passed < ROUND_MS; passed += 2) {
		pause_ms(2);
		reap(true);
	}
	board->quit = 1;
	for (int passed = 0; passed < GOODBYE_MS; passed += 10) {
		pause_ms(10);
		reap(false);
	}
	add_up();
	if (somebody_is_lost() || !all_are_traced() || !end_all())
		return false;
	return is_served();
}

static void set_limits(void)
{
	static const struct {
		int which;
		rlim_t most;
	} limits[] = {{RLIMIT_AS, 192 * MIB}, {RLIMIT_FSIZE, MIB}, {RLIMIT_NOFILE, 256},
		      {RLIMIT_NPROC, 100},    {RLIMIT_CORE, 0},	   {RLIMIT_MEMLOCK, 0}};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit = {limits[i].most, limits[i].most};

		setrlimit(limits[i].which, &limit);
	}
}

static void report(int rounds)
{
	unsigned int numbers = 0;

	for (size_t i = 0; i < NUMBERS; i++)
		numbers += tally.met[i];
	printf("rounds %d\nidle %d\ncalls %lu\nnumbers %u\n", rounds, idle, tally.calls,
	       numbers);
	for (unsigned int i = 0; deeds_name(i); i++)
		printf("deed-%s %lu\n", deeds_name(i), tally.done[i]);
	printf("tracer-memory-kib %ld\ntracer-descriptors %ld\n",
	       field_of(tracer, "VmRSS:"), field_of(tracer, "FDSize:"));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char name[16] = "";
	int fd = open("/proc/1/comm", O_RDONLY), rounds = 0;
	bool good = true;

	if (argc != 6 || read(fd, name, 15) < 3 || strncmp(name, "pen", 3) != 0) {
		fprintf(stderr, "fuzz: runs in a pen only (pen.c)\n");
		return 3;
	}
	close(fd);
	seed = strtoull(argv[1], NULL, 10);
	file_of_cvmfs = argv[4];
	copy_of_it = argv[5];
	pools_load(argv[3]);
	tracer = (pid_t)field_of(getpid(), "TracerPid:");
	room = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	roster = mmap(NULL, sizeof(*roster), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED || roster == MAP_FAILED || tracer <= 0)
		return 3;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	set_limits();
	for (time_t end = time(NULL) + atoi(argv[2]); good && time(NULL) < end;) {
		good = play_round();
		if (++rounds % 10 == 0)
			report(rounds);
	}
	report(rounds);
	return good ? 0 : 4;
}
