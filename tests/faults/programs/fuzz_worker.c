/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One process of the fuzzer and its threads. It may do to itself what it likes: when it
 * has ended, there is another one. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "fuzz.h"

enum { THREADS = 3, CALLS_OF_A_LIFE = 4000 };

static __thread sigjmp_buf back;
static __thread volatile sig_atomic_t can_jump;
static uint64_t seed;

/* Faults are part of the game; what else comes interrupts, and calls something too. */
static void handle(int number)
{
	struct stat st;

	if (number == SIGSEGV || number == SIGBUS || number == SIGILL ||
	    number == SIGFPE) {
		if (can_jump)
			siglongjmp(back, 1);
		_exit(1);
	}
	if (number % 2)
		stat("/cvmfs", &st);
	if (number == SIGUSR2 && can_jump)
		siglongjmp(back, 1);
}

static void set_handlers(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_NODEFER};

	for (int number = 1; number < 65; number++) {
		action.sa_flags ^= number % 3 ? SA_RESTART : 0;
		if (number % 7 != 5)
			sigaction(number, &action, NULL);
	}
}

static void act(struct chance *chance)
{
	struct call call;

	if (chance_one_in(chance, 4))
		pools_race(chance);
	if (chance_one_in(chance, 60)) {
		deeds_do(chance);
		return;
	}
	numbers_draw(chance, &call);
	board->calls++;
	if (call.number >= 0 && call.number < NUMBERS)
		board->met[call.number]++;
	syscall(call.number, call.args[0], call.args[1], call.args[2], call.args[3],
		call.args[4], call.args[5]);
}

static void *live(void *argument)
{
	/* Children of fork() come here with a copy: the process makes the difference.
	 */
	static __thread struct chance chance;
	static __thread unsigned long left;

	chance.state = seed + (uint64_t)argument;
	left = CALLS_OF_A_LIFE;
	sigsetjmp(back, 1);
	can_jump = 1;
	while (!board->quit && left--) {
		act(&chance);
		if (chance_one_in(&chance, 64))
			chance.state += (uint64_t)syscall(SYS_gettid);
	}
	can_jump = 0;
	return NULL;
}

/* Nothing else than changing what the others' arguments point to. */
static void *race(void *argument)
{
	struct chance chance = {seed ^ (uint64_t)argument};

	while (!board->quit)
		pools_race(&chance);
	return NULL;
}

_Noreturn void worker_main(uint64_t start)
{
	struct itimerval often = {{0, 20000}, {0, 20000}};
	struct chance chance = {start};
	const char *names[] = {"work", "d", "/", "/cvmfs"};
	int null = open("/dev/null", O_RDWR);
	pthread_t thread;

	seed = start;
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	setpgid(0, 0);
	if (chdir("work") < 0 || !pools_make_arena())
		_exit(2);
	if (chance_one_in(&chance, 2) && chdir(pools_path(&chance)) == 0 &&
	    chance_one_in(&chance, 2))
		(void)!chdir(names[chance_below(&chance, 4)]);
	for (int i = 0; i < 6; i++)
		open(pools_path(&chance),
		     chance_one_in(&chance, 2) ? O_PATH : O_RDONLY | O_NONBLOCK);
	set_handlers();
	setitimer(ITIMER_REAL, &often, NULL);
	for (uint64_t i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, live, (void *)i);
	if (chance_one_in(&chance, 2))
		pthread_create(&thread, NULL, race, (void *)7);
	live(NULL);
	_exit(0);
}
