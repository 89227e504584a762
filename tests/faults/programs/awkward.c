/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program whose memory is long in coming, or long in the telling.
 *   awkward file FILE OFFSET   a path lies in a page of FILE that was never read
 *   awkward into FILE OFFSET PATH   what stat() has to say of PATH is written there
 *   awkward page GO            a path lies in a page that another thread fills when the
 *                              file GO is there (userfaultfd); that thread makes calls
 *   awkward answer PATH        what stat() and readlink() have to say goes into a page
 *                              that is missing, then one that may not be written yet
 *   awkward maps COUNT FILE    with COUNT mappings, FILE one of them: /proc/self/smaps;
 *                              prints how many calls another process made meanwhile
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, ROUNDS = 3 };

static const char *go;
static int faults;

static int in_file(const char *file, long offset, const char *path)
{
	int fd = open(file, O_RDONLY);
	int protection = PROT_READ | (path ? PROT_WRITE : 0);
	struct stat st;
	char *memory;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 2;
	memory = mmap(NULL, (size_t)st.st_size, protection,
		      path ? MAP_PRIVATE : MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return 2;
	madvise(memory, (size_t)st.st_size, MADV_RANDOM);
	if (path)
		return stat(path, (struct stat *)(memory + offset)) != 0;
	return stat(memory + offset, &st) != 0;
}

static void *fill(void *unused)
{
	static char page[PAGE] __attribute__((aligned(PAGE))) = "/etc/hostname";
	struct uffdio_copy copy = {.src = (unsigned long)page, .len = PAGE};
	struct uffd_msg message;

	if (read(faults, &message, sizeof(message)) != sizeof(message))
		exit(2);
	while (access(go, F_OK) != 0)
		sched_yield();
	copy.dst = message.arg.pagefault.address & ~(PAGE - 1ul);
	if (ioctl(faults, UFFDIO_COPY, &copy) != 0)
		exit(2);
	return unused;
}

/* A page whose faults another thread is told of, or NULL. */
static char *watched_page(uint64_t features, uint64_t mode)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	struct uffdio_register watched = {.mode = mode};
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	watched.range.start = (unsigned long)page;
	watched.range.len = PAGE;
	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) != 0 ||
	    ioctl(faults, UFFDIO_REGISTER, &watched) != 0)
		return NULL;
	return page;
}

/* Makes calls of its own before each page is there, or may be written. */
static void *allow(void *unused)
{
	static char zeros[PAGE] __attribute__((aligned(PAGE)));
	struct uffdio_copy copy = {.src = (unsigned long)zeros, .len = PAGE};
	struct uffdio_writeprotect open_up = {.range.len = PAGE};
	struct uffd_msg message;

	while (read(faults, &message, sizeof(message)) == sizeof(message)) {
		bool missing = !(message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP);

		if (access("/etc/hostname", F_OK) != 0)
			exit(2);
		copy.dst = message.arg.pagefault.address & ~(PAGE - 1ul);
		open_up.range.start = copy.dst;
		if (missing ? ioctl(faults, UFFDIO_COPY, &copy)
			    : ioctl(faults, UFFDIO_WRITEPROTECT, &open_up))
			exit(2);
	}
	return unused;
}

static int answers_in_page(const char *path)
{
	char *page =
		watched_page(UFFD_FEATURE_PAGEFAULT_FLAG_WP,
			     UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	struct uffdio_writeprotect shut = {.range = {(unsigned long)page, PAGE},
					   .mode = UFFDIO_WRITEPROTECT_MODE_WP};
	pthread_t thread;
	int missing, barred;

	if (!page)
		return 77;
	pthread_create(&thread, NULL, allow, NULL);
	missing = stat(path, (struct stat *)page);
	if (ioctl(faults, UFFDIO_WRITEPROTECT, &shut) != 0)
		return 77;
	barred = stat(path, (struct stat *)page);
	if (ioctl(faults, UFFDIO_WRITEPROTECT, &shut) != 0)
		return 77;
	printf("answers %d %d %d\n", missing, barred,
	       readlink("/proc/self/cwd", page, PAGE) > 0);
	return 0;
}

static int in_page(void)
{
	char *page = watched_page(0, UFFDIO_REGISTER_MODE_MISSING);
	pthread_t thread;
	struct stat st;

	if (!page)
		return 77;
	pthread_create(&thread, NULL, fill, NULL);
	printf("page %d\n", stat(page, &st));
	pthread_join(thread, NULL);
	return 0;
}

/* Calls of another process from now on. */
static atomic_long *count_calls(pid_t *ret_pid)
{
	atomic_long *count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct stat st;

	*ret_pid = fork();
	while (*ret_pid == 0) {
		stat("/etc/hostname", &st);
		atomic_fetch_add(count, 1);
	}
	return count;
}

static long read_all(int fd, const char *word)
{
	char *text = malloc(1 << 27), *at;
	ssize_t got;
	size_t size = 0;
	long found = 0;

	while ((got = read(fd, text + size, (1 << 27) - 1 - size)) > 0)
		size += (size_t)got;
	text[size] = '\0';
	for (at = text; (at = strstr(at, word)); at++)
		found++;
	free(text);
	return found;
}

static int in_maps(int mappings, const char *file)
{
	int fd = open(file, O_RDONLY);
	void *mapped = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	char *memory = mmap(NULL, (size_t)mappings * PAGE, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long least = -1, found = 0;
	atomic_long *count;
	pid_t other;

	if (fd < 0 || mapped == MAP_FAILED || memory == MAP_FAILED)
		return 2;
	count = count_calls(&other);
	/* Neighbours of other rights do not become one. */
	for (int i = 1; i < mappings; i += 2)
		mprotect(memory + (long)i * PAGE, PAGE, PROT_READ | PROT_WRITE);
	while (atomic_load(count) == 0)
		sched_yield();
	for (int i = 0; i < ROUNDS; i++) {
		long before = atomic_load(count), meanwhile;
		int smaps = open("/proc/self/smaps", O_RDONLY);

		meanwhile = atomic_load(count) - before;
		if (least < 0 || meanwhile < least)
			least = meanwhile;
		found += read_all(smaps, file);
		close(smaps);
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	printf("maps %ld %ld\n", found, least);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "file") == 0)
		return in_file(argv[2], atol(argv[3]), NULL);
	if (argc == 5 && strcmp(argv[1], "into") == 0)
		return in_file(argv[2], atol(argv[3]), argv[4]);
	if (argc == 4 && strcmp(argv[1], "maps") == 0)
		return in_maps(atoi(argv[2]), argv[3]);
	if (argc != 3)
		return 64;
	if (strcmp(argv[1], "answer") == 0)
		return answers_in_page(argv[2]);
	go = argv[2];
	return in_page();
}
