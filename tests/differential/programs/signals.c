/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals while calls are answered, redirected or wait. */
/* covers: open stat readlink getdents64 */
#include "probe.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

enum { TURNS = 2000 };

static volatile sig_atomic_t count, handler_wrong;
static sigjmp_buf out;
static volatile sig_atomic_t may_jump;

static void on_signal(int number)
{
	(void)number;
	count++;
}

static void on_signal_calls(int number)
{
	int error = errno, fd = open(at_root("dir/file"), O_RDONLY);
	struct stat st;

	(void)number;
	count++;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != 20)
		handler_wrong++;
	close(fd);
	errno = error;
}

static void on_signal_jumps(int number)
{
	(void)number;
	count++;
	if (may_jump)
		siglongjmp(out, 1);
}

static void install(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigaction(SIGALRM, &action, NULL);
	count = handler_wrong = 0;
}

static void storm(long interval_us)
{
	struct itimerval timer = {{0, interval_us}, {0, interval_us}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static int calls_once(void)
{
	char buffer[512];
	struct stat st;
	int wrong = 0, fd = open(at_root("file"), O_RDONLY);

	wrong += fd < 0 || fstat(fd, &st) < 0 || st.st_size != 16;
	wrong += read(fd, buffer, 16) != 16 || memcmp(buffer, "content of file\n", 16);
	close(fd);
	wrong += stat(at_root("none"), &st) == 0 || errno != ENOENT;
	wrong += readlink(at_root("link"), buffer, 512) != 4;
	fd = open(at_root("dir"), O_RDONLY | O_DIRECTORY);
	wrong += fd < 0 || CALL(getdents64, fd, buffer, 512) <= 0;
	close(fd);
	return wrong;
}

static void under(const char *label, void (*handler)(int), long interval_us)
{
	int wrong = 0;

	install(handler, SA_RESTART);
	storm(interval_us);
	for (int turn = 0; turn < TURNS; turn++)
		wrong += calls_once();
	storm(0);
	printf("%s: %d wrong, %d in the handler, signals came %d\n", label, wrong,
	       (int)handler_wrong, count > 3);
}

static void jumping(void)
{
	volatile int turns = 0;

	install(on_signal_jumps, SA_RESTART);
	storm(300);
	while (count < 300 && turns < 200000) {
		turns++;
		if (sigsetjmp(out, 1) == 0) {
			may_jump = 1;
			for (int i = 0; i < 50; i++)
				close(open(at_root("file"), O_RDONLY));
		}
		may_jump = 0;
	}
	storm(0);
	printf("jumping: %d wrong, jumped %d\n", calls_once(), count > 100);
	/* Descriptors of calls that were jumped out of stay open: none is checked. */
}

static void *writes_later(void *unused)
{
	int fd;

	(void)unused;
	while (count < 5)
		sched_yield();
	fd = open(at_root("fifo"), O_WRONLY);
	if (write(fd, "x", 1) != 1)
		handler_wrong++;
	return (void *)(intptr_t)fd;
}

/* An open that waits: it goes on after a handler, or ends, as was asked for. */
static void waiting(void)
{
	pthread_t writer;
	sigset_t alarm_set;
	char byte = 0;
	int fd;

	install(on_signal, 0);
	storm(2000);
	fd = open(at_root("fifo"), O_RDONLY);
	storm(0);
	say(fd, "interrupted open");
	install(on_signal, SA_RESTART);
	sigemptyset(&alarm_set);
	sigaddset(&alarm_set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm_set, NULL);
	pthread_create(&writer, NULL, writes_later, NULL);
	pthread_sigmask(SIG_UNBLOCK, &alarm_set, NULL);
	storm(2000);
	fd = open(at_root("fifo"), O_RDONLY);
	storm(0);
	printf("restarted open: %d read %d", fd >= 0, (int)read(fd, &byte, 1));
	pthread_join(writer, NULL);
	printf(" %c\n", byte);
}

static void killed_while_waiting(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(1);
		signal(SIGALRM, SIG_DFL);
		open(at_root("fifo"), O_RDONLY);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	printf("killed while waiting: %x\n", (unsigned int)status);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	under("quiet handler", on_signal, 400);
	under("calling handler", on_signal_calls, 1500);
	in_child("jumping", jumping);
	in_child("waiting", waiting);
	in_child("killed", killed_while_waiting);
	return 0;
}
