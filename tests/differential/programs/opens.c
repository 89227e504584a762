/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flags of opening against kinds of files, and openat2's promises. */
/* covers: open openat openat2 creat */
#include "probe.h"

#include <linux/openat2.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

static const int accesses[] = {O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE};
static const int extras[] = {
	0,
	O_CREAT,
	O_CREAT | O_EXCL,
	O_EXCL,
	O_TRUNC,
	O_CREAT | O_TRUNC,
	O_APPEND,
	O_DIRECTORY,
	O_DIRECTORY | O_CREAT,
	O_NOFOLLOW,
	O_NOFOLLOW | O_CREAT,
	O_PATH,
	O_PATH | O_DIRECTORY,
	O_PATH | O_NOFOLLOW,
	O_PATH | O_CREAT,
	O_PATH | O_CREAT | O_EXCL,
	O_TMPFILE,
	O_TMPFILE | O_EXCL,
	O_NOATIME,
	O_CLOEXEC,
	O_SYNC,
	O_DIRECT,
};
/* A host name is opened too, but nothing is made there. */
static const char *const safe[] = {
	"",	     "file",	      "file/",	     "dir",	     "dir/",
	"none",	     "none/",	      "none/x",	     "file/x",	     "dir/none",
	"link",	     "link/",	      "link_dir",    "link_dir/",    "link_slash",
	"dangling",  "loop",	      "chain_39",    "chain_40",     "chain_41",
	"fifo",	     "socket",	      "null",	     "block",	     "mode_0000",
	"dir_0000",  "size_0",	      "chunked",     "..",	     "../none",
	"../nobody", "nested",	      "nested/none", "to_host_back", "dangling_abs",
	"dir/..",    "dir/.",	      "owned",	     "owned_dir",    "owned_dir/none",
	"mode_0600", "dir_0711/none",
};

/* No fifo is opened for reading alone without O_NONBLOCK: it would wait. */
static void one(const char *name, int flags)
{
	const char *path = tail_text(at_root(name));
	struct open_how how = {.flags = (unsigned int)flags & ~O_NONBLOCK};

	flags |= O_NONBLOCK;
	how.flags |= O_NONBLOCK;
	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		how.mode = 0644;
	say_open(CALL(open, path, flags, 0644), "open %o %s", flags, shown(name));
	say_open(CALL(openat, AT_FDCWD, path, flags, 0644), "openat %o %s", flags,
		 shown(name));
	say_open(CALL(openat2, AT_FDCWD, path, &how, sizeof(how)), "openat2 %o %s",
		 flags, shown(name));
}

static void flags_against_kinds(void)
{
	for (size_t n = 0; n < sizeof(safe) / sizeof(safe[0]); n++) {
		for (size_t a = 0; a < sizeof(accesses) / sizeof(accesses[0]); a++) {
			for (size_t e = 0; e < sizeof(extras) / sizeof(extras[0]); e++)
				one(safe[n], accesses[a] | extras[e]);
		}
		if (strcmp(safe[n], "fifo") == 0)
			continue; /* it would wait for a reader */
		say_open(CALL(creat, tail_text(at_root(safe[n])), 0644), "creat %s",
			 shown(safe[n]));
	}
}

static void promises(void)
{
	static const uint64_t resolve[] = {
		RESOLVE_BENEATH,     RESOLVE_IN_ROOT,
		RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS,
		RESOLVE_NO_XDEV,     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int dir = must_open(root, O_PATH), sub = must_open(at_root("dir"), O_PATH);

	for (size_t r = 0; r < sizeof(resolve) / sizeof(resolve[0]); r++) {
		struct open_how how = {.flags = O_RDONLY | O_NONBLOCK,
				       .resolve = resolve[r]};

		for (size_t i = 0; names[i]; i++) {
			say_open(open_again(dir, tail_text(names[i]), &how),
				 "resolve %llx %s", (unsigned long long)resolve[r],
				 shown(names[i]));
			say_open(open_again(AT_FDCWD, at_root(names[i]), &how),
				 "resolve %llx absolute %s",
				 (unsigned long long)resolve[r], shown(names[i]));
			say_open(open_again(sub, names[i], &how),
				 "resolve %llx below dir %s",
				 (unsigned long long)resolve[r], shown(names[i]));
		}
	}
}

static const uint64_t of_root[] = {RESOLVE_BENEATH, RESOLVE_IN_ROOT,
				   RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS};
enum { OF_ROOT = sizeof(of_root) / sizeof(of_root[0]) };

static void open_with(int dir, const char *path, uint64_t resolve, const char *label)
{
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK, .resolve = resolve};

	say_open(open_again(dir, path, &how), "promise %llx %s",
		 (unsigned long long)resolve, label);
}

/* With a promise that the host's root is not left. */
static void promises_of_root(void)
{
	static const char *const ways[] = {"cvmfs/../etc/passwd", "cvmfs/..",
					   "cvmfs/../..", "../cvmfs"};
	int top = must_open("/", O_PATH);

	for (int r = 0; r < OF_ROOT; r++) {
		for (size_t i = 0; names[i]; i++)
			open_with(top, at_root(names[i]) + 1, of_root[r],
				  shown(names[i]));
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			open_with(top, ways[i], of_root[r], ways[i]);
	}
}

/* Likewise through the links that /proc has of a process. */
static void promises_of_magic_links(void)
{
	static const char *const links[] = {"root", "cwd"};
	int top = must_open("/", O_PATH), dir = must_open(root, O_PATH);
	char long_name[257], text[PATH_MAX];

	memset(long_name, '0', sizeof(long_name) - 1);
	long_name[256] = '\0';
	for (int r = 0; r < OF_ROOT * 2; r++) {
		const char *link = links[r % 2];
		const char *const rests[] = {
			"", "/", "/etc", "/none", at_root("none"), at_root("file")};

		for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
			snprintf(text, sizeof(text), "/proc/self/%s%s", link, rests[i]);
			open_with(top, text, of_root[r / 2], link);
			open_with(top, text + 1, of_root[r / 2], link);
			snprintf(text, sizeof(text), "cvmfs/../proc/self/%s%s", link,
				 rests[i]);
			open_with(top, text, of_root[r / 2], link);
		}
		snprintf(text, sizeof(text), "cvmfs/../proc/self/%s/%s", link,
			 long_name);
		open_with(top, text, of_root[r / 2], "long name");
		snprintf(text, sizeof(text), "proc/self/fd/%d", dir);
		open_with(top, text, of_root[r / 2], "by descriptor");
	}
}

static void bad_how(void)
{
	struct {
		struct open_how how;
		uint64_t more;
	} large = {.how = {.flags = O_RDONLY}};
	const char *path = at_root("file");
	struct open_how *short_how = tail(16);

	memset(short_how, 0, 16);
	say_open(CALL(openat2, AT_FDCWD, path, &large, sizeof(large)), "how larger");
	large.more = 1;
	say_open(CALL(openat2, AT_FDCWD, path, &large, sizeof(large)), "how unknown");
	say_open(CALL(openat2, AT_FDCWD, path, &large, 8), "how small");
	say_open(CALL(openat2, AT_FDCWD, path, short_how, sizeof(large.how)),
		 "how unmapped");
	say_open(CALL(openat2, AT_FDCWD, path, NULL, sizeof(large.how)), "how NULL");
	large.how.mode = 0644;
	say_open(CALL(openat2, AT_FDCWD, path, &large, sizeof(large.how)),
		 "mode without creating");
	large.how.mode = 0;
	large.how.resolve = 1ull << 40;
	say_open(CALL(openat2, AT_FDCWD, path, &large, sizeof(large.how)),
		 "unknown resolve");
	large.how.resolve = 0;
	large.how.flags = 1ull << 33;
	say_open(CALL(openat2, AT_FDCWD, path, &large, sizeof(large.how)),
		 "unknown flags");
	large.how = (struct open_how){.flags = O_PATH | O_RDWR};
	say_open(CALL(openat2, AT_FDCWD, path, &large, sizeof(large.how)),
		 "flags beside O_PATH");
	large.how = (struct open_how){.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT};
	say_open(CALL(openat2, AT_FDCWD, path, &large, sizeof(large.how)),
		 "both resolve modes");
}

/* What is opened has the flags that were asked for, and close-on-exec if asked. */
static void flags_stay(void)
{
	static const int flags[] = {O_RDONLY,
				    O_RDONLY | O_CLOEXEC,
				    O_PATH,
				    O_RDONLY | O_NONBLOCK,
				    O_RDONLY | O_APPEND,
				    O_RDONLY | O_NOFOLLOW,
				    O_RDONLY | O_NOATIME,
				    O_RDONLY | O_DIRECTORY};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		int fd = open(at_root(flags[i] & O_DIRECTORY ? "dir" : "file"),
			      flags[i]);

		printf("%o: getfl %o getfd %d\n", flags[i],
		       (unsigned int)fcntl(fd, F_GETFL) & ~(unsigned int)O_LARGEFILE,
		       fcntl(fd, F_GETFD));
		close(fd);
	}
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	must_chdir("/");
	in_child("flags", flags_against_kinds);
	in_child("promises", promises);
	in_child("promises of root", promises_of_root);
	in_child("promises of magic links", promises_of_magic_links);
	in_child("bad how", bad_how);
	in_child("flags stay", flags_stay);
	return 0;
}
