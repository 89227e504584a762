/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "waiting.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "probe.h"

struct waiting_shared *waiting_shared;
int waiting_fd, waiting_other_fd, waiting_queue;

void waiting_start(void)
{
	sigset_t set;

	waiting_shared = mmap(NULL, sizeof(*waiting_shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGRTMAX, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

bool waiting_looked(pid_t pid, char *ret_state, unsigned long *ret_pending)
{
	char path[64], line[1024];
	unsigned long set;
	FILE *text;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	*ret_state = 0;
	*ret_pending = 0;
	text = fopen(path, "r");
	if (!text)
		return false;
	while (fgets(line, sizeof(line), text)) {
		sscanf(line, "State: %c", ret_state);
		if (sscanf(line, "ShdPnd: %lx", &set) == 1)
			*ret_pending = set;
	}
	fclose(text);
	return true;
}

/* It sleeps in its call, and nothing is on its way to it. */
static bool sleeps(pid_t pid)
{
	unsigned long pending;
	char state;

	return waiting_looked(pid, &state, &pending) && state == 'S' && !pending;
}

static void until_it_sleeps(pid_t pid)
{
	int seen = 0;

	while (!atomic_load(&waiting_shared->done) && seen < 3) {
		const struct timespec moment = {0, 2 * WAITING_NS};

		seen = sleeps(pid) ? seen + 1 : 0;
		nanosleep(&moment, NULL);
	}
}

static void send_all(pid_t pid, void (*feed)(int turn))
{
	const int ignored[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGUSR1, SIGRTMAX};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		until_it_sleeps(pid);
		if (atomic_load(&waiting_shared->done))
			return;
		kill(pid, ignored[i]);
		if (feed) {
			until_it_sleeps(pid);
			feed((int)i);
		}
	}
	until_it_sleeps(pid);
	if (feed)
		feed(-1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / WAITING_NS;
}

void waiting_for(const char *what, long (*call)(void), void (*feed)(int turn))
{
	pid_t own = getpid(), helper;
	int64_t begun;
	long result;
	int error;

	atomic_store(&waiting_shared->done, false);
	helper = fork();
	if (helper == 0) {
		send_all(own, feed);
		_exit(0);
	}
	begun = now_ms();
	result = call();
	error = errno;
	atomic_store(&waiting_shared->done, true);
	if (!feed && now_ms() - begun < WAITING_LIMIT_MS)
		printf("%s: too early\n", what);
	errno = error;
	say(result, "%s", what);
	waitpid(helper, NULL, 0);
}

static int epoll_of(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	return epoll;
}

long waiting_with_epoll(long (*call)(int epoll, int timeout), int timeout)
{
	int epoll = epoll_of(waiting_fd);
	long result = call(epoll, timeout);
	int error = errno;

	close(epoll);
	errno = error;
	return result;
}

long waiting_epoll_wait(int epoll, int timeout)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, timeout);
}

long waiting_epoll_pwait(int epoll, int timeout)
{
	struct epoll_event event;
	sigset_t none;

	sigemptyset(&none);
	return epoll_pwait(epoll, &event, 1, timeout, &none);
}

/* The same structure for i386, too. */
long waiting_epoll_pwait2(int epoll, int timeout)
{
	const int64_t time[2] = {0, (int64_t)timeout * WAITING_NS};
	struct epoll_event event;
	const long number = 441;

	return syscall(number, epoll, &event, 1, timeout < 0 ? NULL : time, NULL, 8);
}

void waiting_with_ends(int type, const char *what, long (*call)(void),
		       void (*feed)(int turn), bool waits_at_the_end)
{
	int ends[2];

	if (type ? socketpair(AF_UNIX, type, 0, ends) : pipe(ends))
		abort();
	waiting_fd = ends[waits_at_the_end];
	waiting_other_fd = ends[!waits_at_the_end];
	waiting_for(what, call, feed);
	close(ends[0]);
	close(ends[1]);
}
