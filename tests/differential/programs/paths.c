/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every name in every form: absolute, relative to directories inside and outside. */
/* covers: stat lstat newfstatat statx access faccessat faccessat2 readlink */
/* covers: readlinkat open openat chdir */
#include "probe.h"

#include <linux/stat.h>

/* One way to name things. */
struct form {
	const char *name;
	int dirfd;
	const char *prefix;
};

static void stats(const struct form *form, const char *path, const char *name)
{
	struct stat st;

	say_stat(CALL(newfstatat, form->dirfd, path, &st, 0), &st, "%s newfstatat %s",
		 form->name, shown(name));
	say_stat(CALL(newfstatat, form->dirfd, path, &st, AT_SYMLINK_NOFOLLOW), &st,
		 "%s newfstatat nofollow %s", form->name, shown(name));
	if (form->dirfd != AT_FDCWD)
		return;
	say_stat(CALL(stat, path, &st), &st, "%s stat %s", form->name, shown(name));
	say_stat(CALL(lstat, path, &st), &st, "%s lstat %s", form->name, shown(name));
}

/* What comes back of what was asked for; 0x4000 is STATX_MNT_ID_UNIQUE. Not the times:
 * whether who did not ask gets them depends on the file system. */
static void masks(void)
{
	const unsigned int compared =
		(STATX_BASIC_STATS & ~(STATX_MTIME | STATX_CTIME)) | STATX_MNT_ID |
		0x4000;
	struct statx plain, stx;

	statx(AT_FDCWD, at_root("file"), 0, 0, &plain);
	for (unsigned int bit = 0; bit < 32; bit++) {
		long result =
			CALL(statx, AT_FDCWD, at_root("file"), 0, 1u << bit, &stx);

		say(result, "statx mask %x", 1u << bit);
		if (result == 0)
			printf("  got %x attributes %llx of %llx mount as before %d\n",
			       stx.stx_mask & compared,
			       (unsigned long long)stx.stx_attributes &
				       STATX_ATTR_MOUNT_ROOT,
			       (unsigned long long)stx.stx_attributes_mask &
				       STATX_ATTR_MOUNT_ROOT,
			       stx.stx_mnt_id == plain.stx_mnt_id);
	}
}

static void extended(const struct form *form, const char *path, const char *name)
{
	static const int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_STATX_DONT_SYNC};
	struct statx stx;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		long result = CALL(statx, form->dirfd, path, flags[i],
				   STATX_BASIC_STATS, &stx);

		say(result, "%s statx %x %s", form->name, flags[i], shown(name));
		if (result < 0)
			continue;
		printf("  mode %o uid %u gid %u mtime %lld.%u", stx.stx_mode,
		       stx.stx_uid, stx.stx_gid, (long long)stx.stx_mtime.tv_sec,
		       stx.stx_mtime.tv_nsec);
		if (!S_ISDIR(stx.stx_mode))
			printf(" size %llu nlink %u", (unsigned long long)stx.stx_size,
			       stx.stx_nlink);
		printf(" rdev %u:%u basic %d\n", stx.stx_rdev_major, stx.stx_rdev_minor,
		       (stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
	}
}

/* The host's root belongs to an ordinary user where that user has mounted it, and is
 * then refused for another reason. */
static long judged(long result, int dirfd, const char *path)
{
	struct stat top, st;
	int error = errno;

	if (result < 0 && error == EACCES && geteuid() != 0 && stat("/", &top) == 0 &&
	    fstatat(dirfd, path, &st, 0) == 0 && st.st_dev == top.st_dev &&
	    st.st_ino == top.st_ino)
		error = EROFS;
	errno = error;
	return result;
}

static void accesses(const struct form *form, const char *path, const char *name)
{
	static const int modes[] = {F_OK, R_OK, W_OK, X_OK, R_OK | X_OK, 7};
	static const int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_EACCESS};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		say(judged(CALL(faccessat, form->dirfd, path, modes[i]), form->dirfd,
			   path),
		    "%s faccessat %d %s", form->name, modes[i], shown(name));
		for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
			say(judged(CALL(faccessat2, form->dirfd, path, modes[i],
					flags[k]),
				   form->dirfd, path),
			    "%s faccessat2 %d %x %s", form->name, modes[i], flags[k],
			    shown(name));
		if (form->dirfd == AT_FDCWD)
			say(judged(CALL(access, path, modes[i]), AT_FDCWD, path),
			    "%s access %d %s", form->name, modes[i], shown(name));
	}
}

static void links(const struct form *form, const char *path, const char *name)
{
	static const size_t sizes[] = {1, 5, 4096};
	char *buffer;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		long len;

		buffer = tail(sizes[i]);
		len = CALL(readlinkat, form->dirfd, path, buffer, sizes[i]);
		if (len > 0)
			say_bytes(buffer, (size_t)len, "%s readlinkat %s", form->name,
				  shown(name));
		else
			say(len, "%s readlinkat %s", form->name, shown(name));
		if (form->dirfd == AT_FDCWD)
			say(CALL(readlink, path, buffer, sizes[i]), "%s readlink %s",
			    form->name, shown(name));
	}
}

static void opens(const struct form *form, const char *path, const char *name)
{
	static const int flags[] = {O_RDONLY | O_NONBLOCK, O_PATH, O_PATH | O_NOFOLLOW,
				    O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
				    O_RDONLY | O_DIRECTORY};
	char first[16];

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		long fd = CALL(openat, form->dirfd, path, flags[i]);
		ssize_t len;

		if (fd >= 0 && !(flags[i] & O_PATH)) {
			len = read((int)fd, first, sizeof(first));
			if (len > 0)
				say_bytes(first, (size_t)len, "  read");
			else
				say(len, "  read");
		}
		say_open(fd, "%s openat %x %s", form->name, flags[i], shown(name));
		if (form->dirfd == AT_FDCWD)
			say_open(CALL(open, path, flags[i]), "%s open %x %s",
				 form->name, flags[i], shown(name));
	}
}

static void all_names(const struct form *form, bool thorough)
{
	char path[8192];

	for (size_t i = 0; names[i]; i++) {
		char *end;

		snprintf(path, sizeof(path), "%s%s", form->prefix, names[i]);
		end = tail_text(path);
		stats(form, end, names[i]);
		opens(form, end, names[i]);
		if (!thorough)
			continue;
		extended(form, end, names[i]);
		accesses(form, end, names[i]);
		links(form, end, names[i]);
	}
}

static void changes_of_directory(const char *prefix)
{
	char path[8192], cwd[4200];
	int home = must_open("/", O_RDONLY);

	for (size_t i = 0; names[i]; i++) {
		long result;

		snprintf(path, sizeof(path), "%s%s", prefix, names[i]);
		result = say(CALL(chdir, tail_text(path)), "chdir %s", shown(path));
		if (result == 0)
			say_bytes(cwd, (size_t)CALL(getcwd, cwd, sizeof(cwd)), "  cwd");
		if (fchdir(home) < 0)
			exit(2);
	}
}

static void absolute(void)
{
	char prefix[4096];
	struct form form = {"absolute", AT_FDCWD, prefix};

	snprintf(prefix, sizeof(prefix), "%s/", root);
	all_names(&form, true);
	changes_of_directory(prefix);
	/* Odd spellings of the start. */
	form.name = "slashes";
	snprintf(prefix, sizeof(prefix), "//%s//", root);
	all_names(&form, false);
	form.name = "dots";
	snprintf(prefix, sizeof(prefix), "/./tmp/../%s/./", root);
	all_names(&form, false);
	form.name = "round";
	snprintf(prefix, sizeof(prefix), "%s/../..%s/dir/../", root, root);
	all_names(&form, false);
	form.name = "host link";
	snprintf(prefix, sizeof(prefix), "%s/in/", host);
	all_names(&form, false);
	form.name = "host link back";
	snprintf(prefix, sizeof(prefix), "%s/in_dir/../", host);
	all_names(&form, false);
}

static void relative(void)
{
	struct form form = {"in the tree", AT_FDCWD, ""};

	must_chdir(root);
	all_names(&form, true);
	form = (struct form){"deeper", AT_FDCWD, "../../"};
	must_chdir(at_root("dir/sub"));
	all_names(&form, false);
	form = (struct form){"nested", AT_FDCWD, "../../"};
	must_chdir(at_root("nested/second"));
	all_names(&form, false);
	form = (struct form){"outside", AT_FDCWD, "in/"};
	must_chdir(host);
	all_names(&form, false);
	form = (struct form){"over a link", AT_FDCWD, "../"};
	must_chdir(at_host("in_dir"));
	all_names(&form, false);
}

static void by_descriptor(void)
{
	struct form form = {"descriptor", must_open(root, O_RDONLY), ""};

	must_chdir("/");
	all_names(&form, true);
	form = (struct form){"path descriptor",
			     must_open(at_root("nested/inner"), O_PATH), "../../"};
	all_names(&form, false);
	form = (struct form){"host descriptor", must_open(host, O_RDONLY), "in/"};
	all_names(&form, false);
	form = (struct form){"a file's", must_open(at_root("file"), O_RDONLY), ""};
	all_names(&form, false);
	form = (struct form){"closed", 900, ""};
	all_names(&form, false);
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	in_child("absolute", absolute);
	in_child("masks", masks);
	in_child("relative", relative);
	in_child("by descriptor", by_descriptor);
	return 0;
}
