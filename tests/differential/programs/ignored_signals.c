/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that wait while signals come that the process ignores: nothing ends them early.
 */
#include "probe.h"

#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>

#include "waiting.h"

enum { LARGE = 1 << 20, PART = 100 };

static char buffer[LARGE];

/* ---- without a limit ---- */

static void fed(long result)
{
	if (result < 0)
		perror("feeding");
}

static void feed_byte(int turn)
{
	if (turn < 0)
		fed(write(waiting_other_fd, "x", 1));
}

static void feed_parts(int turn)
{
	fed(write(waiting_other_fd, buffer, turn < 0 ? 10 : PART));
}

static void feed_room(int turn)
{
	static size_t taken; /* of the helper at hand */
	size_t left = turn < 0 ? LARGE - taken : PART;

	for (taken += left; left > 0;) {
		ssize_t got = read(waiting_other_fd, buffer, left);

		if (got <= 0)
			break;
		left -= (size_t)got;
	}
}

static void feed_signal(int turn)
{
	if (turn < 0)
		kill(getppid(), SIGUSR2);
}

static void feed_semaphore(int turn)
{
	struct sembuf one = {0, 1, 0};

	if (turn < 0)
		fed(semop(waiting_queue, &one, 1));
}

static void feed_message(int turn)
{
	struct {
		long type;
		char text[4];
	} message = {1, "abc"};

	if (turn < 0)
		fed(msgsnd(waiting_queue, &message, sizeof(message.text), 0));
}

static void feed_word(int turn)
{
	if (turn >= 0)
		return;
	waiting_shared->word = 1;
	fed(CALL(futex, &waiting_shared->word, FUTEX_WAKE, 1, NULL, NULL, 0));
}

static long do_epoll_wait(void)
{
	return waiting_with_epoll(waiting_epoll_wait, -1);
}

static long do_epoll_pwait(void)
{
	return waiting_with_epoll(waiting_epoll_pwait, -1);
}

static long do_epoll_pwait2(void)
{
	return waiting_with_epoll(waiting_epoll_pwait2, -1);
}

static long do_sigwaitinfo(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigwaitinfo(&set, NULL) == SIGUSR2;
}

static long do_semop(void)
{
	struct sembuf one = {0, -1, 0};

	return semop(waiting_queue, &one, 1);
}

static long do_msgrcv(void)
{
	struct {
		long type;
		char text[4];
	} message;

	return msgrcv(waiting_queue, &message, sizeof(message.text), 0, 0);
}

static long do_read(void)
{
	return read(waiting_fd, buffer, 1);
}

static long do_poll(void)
{
	struct pollfd one = {waiting_fd, POLLIN, 0};

	return poll(&one, 1, -1);
}

static long do_futex(void)
{
	return CALL(futex, &waiting_shared->word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static long do_write_all(void)
{
	return write(waiting_fd, buffer, LARGE);
}

static long do_send_all(void)
{
	return CALL(sendto, waiting_fd, buffer, LARGE, MSG_NOSIGNAL, NULL, 0);
}

static long do_receive_all(void)
{
	return CALL(recvfrom, waiting_fd, buffer, 6 * PART + 10, MSG_WAITALL, NULL,
		    NULL);
}

static void without_limit(void)
{
	waiting_with_ends(0, "epoll_wait", do_epoll_wait, feed_byte, false);
	waiting_with_ends(0, "epoll_pwait", do_epoll_pwait, feed_byte, false);
	waiting_with_ends(0, "epoll_pwait2", do_epoll_pwait2, feed_byte, false);
	waiting_with_ends(0, "read", do_read, feed_byte, false);
	waiting_with_ends(0, "poll", do_poll, feed_byte, false);
	waiting_with_ends(0, "write of much", do_write_all, feed_room, true);
	waiting_with_ends(SOCK_STREAM, "send of much", do_send_all, feed_room, true);
	waiting_with_ends(SOCK_STREAM, "recv of all", do_receive_all, feed_parts, true);
	waiting_for("sigwaitinfo", do_sigwaitinfo, feed_signal);
	waiting_for("futex", do_futex, feed_word);
	waiting_queue = semget(IPC_PRIVATE, 1, 0600);
	waiting_for("semop", do_semop, feed_semaphore);
	semctl(waiting_queue, 0, IPC_RMID);
	waiting_queue = msgget(IPC_PRIVATE, 0600);
	waiting_for("msgrcv", do_msgrcv, feed_message);
	msgctl(waiting_queue, IPC_RMID, NULL);
}

/* ---- what does end a call ---- */

static void on_signal(int number)
{
	(void)number;
}

static void feed_stop(int turn)
{
	pid_t other = getppid();
	unsigned long pending;
	char state = 0;

	if (turn >= 0)
		return;
	kill(other, SIGSTOP);
	while (state != 'T' && state != 't' && waiting_looked(other, &state, &pending))
		;
	kill(other, SIGCONT);
}

static void feed_caught(int turn)
{
	if (turn < 0)
		kill(getppid(), SIGUSR2);
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigset_t set;

	waiting_with_ends(0, "epoll_wait of who is stopped", do_epoll_wait, feed_stop,
			  false);
	sigaction(SIGUSR2, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	waiting_with_ends(0, "epoll_wait and a handler", do_epoll_wait, feed_caught,
			  false);
	waiting_with_ends(0, "write and a handler", do_write_all, feed_caught, true);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	waiting_start();
	without_limit();
	interrupted();
	return 0;
}
