/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listings: equal names, types and inodes, whatever the buffer; positions; the working
 * directory. Order of names is the file system's own, so they are sorted. */
/* covers: getdents getdents64 chdir getcwd open */
#include "arch/numbers.h"
#include "probe.h"

enum { MOST = 4000 };

struct item {
	char name[256];
	uint64_t inode, next;
	unsigned char type;
};

static struct item items[MOST];
static size_t count;

/* Records of getdents64(2) and getdents(2), whose first words are of type long. */
static void take(const char *bytes, long size, bool old)
{
	const size_t word = old ? sizeof(long) : 8;

	for (long at = 0; at < size;) {
		struct item *item = &items[count < MOST ? count++ : 0];
		uint16_t length;

		item->inode = item->next = 0;
		memcpy(&item->inode, bytes + at, word);
		memcpy(&item->next, bytes + at + word, word);
		memcpy(&length, bytes + at + 2 * word, 2);
		item->type =
			(unsigned char)(old ? bytes[at + length - 1] : bytes[at + 18]);
		snprintf(item->name, sizeof(item->name), "%s",
			 bytes + at + 2 * word + (old ? 2 : 3));
		at += length;
	}
}

static int by_name(const void *one, const void *two)
{
	return strcmp(((const struct item *)one)->name,
		      ((const struct item *)two)->name);
}

/* Reads to the end with buffers of that size. */
static long list(int fd, size_t size, bool old)
{
	char *buffer = tail(size);
	long got;

	count = 0;
	while ((got = old ? CALL(getdents, fd, buffer, size)
			  : CALL(getdents64, fd, buffer, size)) > 0)
		take(buffer, got, old);
	return got;
}

static void show(int fd, const char *label)
{
	static const int kinds[] = {DT_UNKNOWN, DT_FIFO, DT_CHR, DT_DIR,
				    DT_BLK,	DT_REG,	 DT_LNK, DT_SOCK};

	qsort(items, count, sizeof(items[0]), by_name);
	printf("%s: %zu entries\n", label, count);
	for (size_t i = 0; i < count; i++) {
		struct stat st;
		bool is_dots = strcmp(items[i].name, "..") == 0;
		bool known = false;

		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			known |= items[i].type == kinds[k];
		if (fstatat(fd, items[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			memset(&st, 0, sizeof(st));
		printf("  %s type %d inode as stat %d type as stat %d\n",
		       shown(items[i].name), known ? items[i].type : -1,
		       is_dots || items[i].inode == st.st_ino,
		       items[i].type == IFTODT(st.st_mode));
	}
}

static void listings(void)
{
	static const char *const places[] = {
		"",	    "dir",	     "empty", "nested",	      "big",
		"names",    "nested/second", "deep",  "nested/inner", "dir_0000",
		"dir_1777", "link_abs_dir"};
	static const size_t sizes[] = {24, 32, 48, 280, 300, 1024, 4096, 32768, 100000};

	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			int fd = must_open(at_root(places[p]), O_RDONLY);
			long end = list(fd, sizes[s], false);

			say(end, "end of %s with %zu", places[p], sizes[s]);
			if (s == 7)
				show(fd, places[p]);
			else if (end == 0)
				printf("%s with %zu: %zu entries\n", places[p],
				       sizes[s], count);
			close(fd);
		}
	}
}

static void old_form(void)
{
	int fd = must_open(at_root(""), O_RDONLY);

	say(list(fd, 4096, true), "old");
	show(fd, "old");
	close(fd);
	fd = must_open(at_root("names"), O_RDONLY);
	say(list(fd, 300, true), "old names");
	show(fd, "old names");
}

static void errors(void)
{
	int fd = must_open(root, O_RDONLY), file = must_open(at_root("file"), O_RDONLY);
	int path_fd = must_open(root, O_PATH);
	char *buffer = tail(64);

	say(CALL(getdents64, file, buffer, 64), "of a file");
	say(CALL(getdents64, path_fd, buffer, 64), "of a path descriptor");
	say(CALL(getdents64, 900, buffer, 64), "of a closed one");
	say(CALL(getdents64, fd, NULL, 64), "to NULL");
	say(CALL(getdents64, fd, (void *)8, 64), "to a bad address");
	say(CALL(getdents64, fd, buffer, 10), "small");
	say(CALL(getdents64, fd, buffer, 0), "none");
	say(CALL(getdents, fd, buffer, 10), "old small");
	say(read(fd, buffer, 8), "read");
	say(pread(fd, buffer, 8, 0), "pread");
	say(lseek(fd, -1, SEEK_SET), "seek below");
	say(lseek(fd, 0, SEEK_CUR) == 0, "still at the start");
}

static void positions(void)
{
	DIR *dir = opendir(at_root("big"));
	struct dirent *entry;
	long marks[10];
	char names_at[10][256];

	for (int i = 0; i < 10; i++) {
		marks[i] = telldir(dir);
		entry = readdir(dir);
		snprintf(names_at[i], sizeof(names_at[i]), "%s", entry->d_name);
	}
	for (int i = 9; i >= 0; i--) {
		seekdir(dir, marks[i]);
		entry = readdir(dir);
		printf("seekdir %d: same %d\n", i,
		       entry && strcmp(entry->d_name, names_at[i]) == 0);
	}
	rewinddir(dir);
	entry = readdir(dir);
	printf("rewinddir: same %d\n", strcmp(entry->d_name, names_at[0]) == 0);
	closedir(dir);
}

/* A copy shares the position, another open does not. */
static void shared_positions(void)
{
	int fd = must_open(at_root("big"), O_RDONLY), copy = dup(fd);
	int other = must_open(at_root("big"), O_RDONLY), pipes[2];
	size_t total = 0;
	pid_t pid;

	if (pipe(pipes) < 0)
		exit(2);
	for (int turn = 0; turn < 1000; turn++) {
		char buffer[512];
		long got = CALL(getdents64, turn % 2 ? fd : copy, buffer, 512);

		count = 0;
		if (got <= 0)
			break;
		take(buffer, got, false);
		total += count;
	}
	printf("by turns: %zu\n", total);
	list(other, 4096, false);
	printf("another: %zu\n", count);
	lseek(fd, 0, SEEK_SET);
	pid = fork();
	if (pid == 0) {
		list(fd, 4096, false);
		_exit(count == total ? 0 : 1);
	}
	waitpid(pid, pipes, 0);
	list(copy, 4096, false);
	printf("child: %x rest: %zu\n", (unsigned int)pipes[0], count);
}

static void where(const char *label)
{
	char path[4200];
	long len = CALL(getcwd, path, sizeof(path));

	if (len > 0)
		say_bytes(path, (size_t)len, "%s", label);
	else
		say(len, "%s", label);
	len = readlink("/proc/self/cwd", path, sizeof(path));
	say_bytes(path, len > 0 ? (size_t)len : 0, "  /proc/self/cwd");
}

static void working_directory(void)
{
	char *room;
	size_t size;
	int fd;

	must_chdir(at_root("nested/second"));
	where("nested");
	must_chdir("../..");
	where("up");
	must_chdir("..");
	where("up again");
	must_chdir("..");
	where("out");
	fd = must_open(at_root("dir/sub"), O_PATH);
	say(fchdir(fd), "fchdir to a path descriptor");
	where("there");
	say(fchdir(must_open(at_root("file"), O_RDONLY)), "fchdir to a file");
	say(fchdir(900), "fchdir to a closed one");
	must_chdir(at_host("in_dir"));
	where("over a link of the host");
	must_chdir("../to_host_dir");
	where("over a link to the host");
	must_chdir(at_root("link_abs_dir/sub"));
	where("over an absolute link");
	size = strlen(root) + strlen("/dir/sub") + 1;
	for (size_t s = size - 2; s <= size + 1; s++) {
		room = tail(s);
		say(CALL(getcwd, room, s), "getcwd into %zd more", (ssize_t)(s - size));
	}
	say(CALL(getcwd, NULL, 4096), "getcwd into NULL");
	say(CALL(getcwd, tail(1), 4096), "getcwd beyond the page");
	say(CALL(getcwd, tail(1), 0), "getcwd into nothing");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("listings", listings);
	in_child("old form", old_form);
	in_child("errors", errors);
	in_child("positions", positions);
	in_child("shared positions", shared_positions);
	in_child("working directory", working_directory);
	return 0;
}
