/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plain_calls DIRECTORY: calls that have nothing to do with /cvmfs and that other
 * tracers break, each with its result or error. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"

static long say(const char *name, long result)
{
	if (result < 0)
		printf("%s: error %d\n", name, errno);
	else
		printf("%s: %ld\n", name, result);
	return result;
}

/* Of a call that gives a descriptor or an identifier. */
static long got(const char *name, long result)
{
	say(name, result < 0 ? result : 0);
	return result;
}

#define CALL(name, ...) say(#name, syscall(SYS_##name, __VA_ARGS__))
#define NUMBER(name, number, ...) say(name, syscall(number, __VA_ARGS__))

static void files(void)
{
	char bytes[64] = "0123456789abcdef";
	struct iovec parts[2] = {{bytes, 4}, {bytes + 4, 4}};
	int a = open("a", O_RDWR | O_CREAT | O_TRUNC, 0644), pipes[2];
	int b = open("b", O_RDWR | O_CREAT | O_TRUNC, 0644);
	loff_t from = 0, to = 0;
	int unnamed = (int)got("O_TMPFILE", open(".", O_TMPFILE | O_RDWR, 0600));
	char link[32];

	say("writev", writev(a, parts, 2));
	say("pwritev", pwritev(a, parts, 2, 8));
	say("pwritev2", pwritev2(a, parts, 2, 8, 0));
	say("preadv", preadv(a, parts, 2, 0));
	say("preadv2", preadv2(a, parts, 2, 0, 0));
	say("fallocate", fallocate(a, 0, 0, 8192));
	say("sendfile", sendfile(b, a, &from, 8));
	say("copy_file_range", copy_file_range(a, &from, b, &to, 8, 0));
	say("pipe2", pipe2(pipes, O_CLOEXEC));
	from = 0;
	say("splice", splice(a, &from, pipes[1], NULL, 8, 0));
	say("tee", tee(pipes[0], pipes[1], 0, 0));
	say("vmsplice", vmsplice(pipes[1], parts, 1, 0));
	say("readahead", readahead(a, 0, 4096));
	say("fadvise", posix_fadvise(a, 0, 0, POSIX_FADV_DONTNEED));
	say("sync_file_range", sync_file_range(a, 0, 0, SYNC_FILE_RANGE_WRITE));
	say("renameat2", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	say("noreplace", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	say("utimensat", utimensat(AT_FDCWD, "a", NULL, 0));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", unnamed);
	say("linkat", linkat(AT_FDCWD, link, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	say("symlinkat", symlinkat("a", AT_FDCWD, "l"));
	say("fchmodat", fchmodat(AT_FDCWD, "a", 0600, 0));
	say("inotify", inotify_add_watch(inotify_init1(0), ".", IN_CREATE));
	say("F_SETLEASE", fcntl(b, F_SETLEASE, F_UNLCK));
	say("FIONREAD", ioctl(pipes[0], FIONREAD, &(int){0}));
	say("an ioctl of nobody", ioctl(a, 0xdeadbeef, 0));
	NUMBER("close_range", 436, 200, 300, 0);
}

static void memory(void)
{
	unsigned long nodes = 1;
	char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec part = {area, 4096};

	CALL(get_mempolicy, NULL, NULL, 0, 0, 0);
	CALL(mbind, area, 4096, 0, &nodes, 0, 0);
	CALL(membarrier, 0, 0, 0);
	got("memfd_create", memfd_create("x", MFD_CLOEXEC));
	CALL(mlock2, area, 4096, 1);
	got("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC | 1));
	NUMBER("process_madvise", 440, -1, &part, 1, MADV_COLD, 0);
	NUMBER("mseal", 462, area, 4096, 0);
	say("sealed", munmap(area, 4096));
	NUMBER("map_shadow_stack", 453, 0, 0, 0);
	NUMBER("cachestat", 451, -1, 0, 0, 0);
	NUMBER("set_mempolicy_home_node", 450, 0, 0, 9, 0);
}

static void communication(void)
{
	int queue = (int)got("msgget", msgget(IPC_PRIVATE, 0600));
	int set = (int)got("semget", semget(IPC_PRIVATE, 1, 0600));
	int segment = (int)got("shmget", shmget(IPC_PRIVATE, 4096, 0600));
	struct sembuf up = {0, 1, 0};
	char name[64];
	int messages;

	say("semop", semop(set, &up, 1));
	say("msgsnd", msgsnd(queue, &(struct {
				     long type;
				     char c;
			     }){1, 'x'},
			     1, 0));
	say("shmat", shmat(segment, NULL, 0) == (void *)-1 ? -1 : 0);
	msgctl(queue, IPC_RMID, NULL);
	semctl(set, 0, IPC_RMID);
	shmctl(segment, IPC_RMID, NULL);
	snprintf(name, sizeof(name), "/plain-calls-%d", getpid());
	messages = (int)got("mq_open", mq_open(name, O_CREAT | O_RDWR, 0600, NULL));
	say("mq_send", mq_send(messages, "x", 1, 0));
	say("mq_unlink", mq_unlink(name));
	got("eventfd", eventfd(0, 0));
	got("timerfd", timerfd_create(0, 0));
	got("shm_open", shm_open(name, O_CREAT | O_RDWR, 0600));
	say("shm_unlink", shm_unlink(name));
}

static void processes(void)
{
	cpu_set_t set;

	got("pidfd_open", syscall(434, getpid(), 0));
	NUMBER("pidfd_send_signal", 424, -1, 0, 0, 0);
	NUMBER("rseq", 334, 0, 0, 0, 0);
	NUMBER("landlock_create_ruleset", 444, 0, 0, 1);
	NUMBER("futex_waitv", 449, 0, 0, 0, 0, 0);
	NUMBER("lsm_get_self_attr", 459, 0, 0, 0, 0);
	NUMBER("statmount", 457, 0, 0, 0, 0);
	NUMBER("listns", 470, 0, 0, 0, 0);
	NUMBER("open_by_handle_at", 304, -1, 0, 0);
	NUMBER("fsopen", 430, "none", 0);
	NUMBER("fsmount", 432, -1, 0, 0);
	NUMBER("fspick", 433, -1, "/none", 0);
	NUMBER("kcmp", 312, getpid(), getpid(), 0, 0, 0);
	say("personality", personality(ADDR_NO_RANDOMIZE));
	say("personality again", personality(0xffffffff));
	say("a prctl of nobody", prctl(0x7ffffff0, 0, 0, 0, 0));
	say("PR_SET_NAME", prctl(PR_SET_NAME, "renamed"));
	say("PR_SET_PDEATHSIG", prctl(PR_SET_PDEATHSIG, 0));
	say("sched_getaffinity", sched_getaffinity(0, sizeof(set), &set));
	say("unshare files", unshare(CLONE_FILES | CLONE_FS));
	say("processors", sysconf(_SC_NPROCESSORS_CONF));
	say("on line", sysconf(_SC_NPROCESSORS_ONLN));
}

/* Old static programs ask for the time at a fixed place. */
static void vsyscall(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long (*old_time)(void *) = (long (*)(void *))0xffffffffff600400;

		_exit(old_time(NULL) > 1000 ? 5 : 6);
	}
	waitpid(pid, &status, 0);
	printf("vsyscall %x\n", (unsigned int)status & 0xff7f);
}

int main(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1]) < 0)
		return 2;
	files();
	memory();
	communication();
	processes();
#ifdef __x86_64__
	vsyscall();
#endif
	return 0;
}
