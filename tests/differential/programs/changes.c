/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every call that changes by path, against every name that stays in the tree. */
/* covers: mkdir mkdirat mknod mknodat symlink symlinkat link linkat rename */
/* covers: renameat renameat2 unlink unlinkat rmdir chmod fchmodat fchmodat2 */
/* covers: chown lchown fchownat utime utimes futimesat utimensat truncate */
/* covers: setxattr lsetxattr removexattr lremovexattr setxattrat removexattrat */
/* covers: file_setattr */
#include "newer_calls.h"
#include "probe.h"

#include <linux/fs.h>
#include <sys/sysmacros.h>

static int top; /* the tree's root */

/* Leads to something on the host, which is not to be changed. */
static bool leads_out(const char *name)
{
	static const char *const out[] = {"to_host", "to_host/", "to_host_dir",
					  "to_host_none", "to_host_dir/"};

	/* An absolute name ignores the directory: "/" would be the host's own root. */
	if (name[0] == '/')
		return true;
	if (strncmp(name, "../..", 5) == 0 || strncmp(name, "to_host_dir", 11) == 0)
		return true;
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		if (strcmp(name, out[i]) == 0)
			return true;
	}
	return false;
}

static void makes(const char *name, const char *path)
{
	const char *label = shown(name);

	say(CALL(mkdir, path, 0755), "mkdir %s", label);
	say(CALL(mkdirat, top, name, 0755), "mkdirat %s", label);
	say(CALL(mknod, path, S_IFREG | 0644, 0), "mknod %s", label);
	say(CALL(mknod, path, S_IFIFO | 0644, 0), "mknod fifo %s", label);
	say(CALL(mknod, path, S_IFDIR | 0644, 0), "mknod directory %s", label);
	say(CALL(mknodat, top, name, S_IFCHR | 0644, makedev(1, 3)), "mknodat %s",
	    label);
	say(CALL(symlink, "target", path), "symlink %s", label);
	say(CALL(symlink, "", path), "symlink without target %s", label);
	say(CALL(symlinkat, "target", top, name), "symlinkat %s", label);
}

static void removes(const char *name, const char *path)
{
	const char *label = shown(name);

	say(CALL(unlink, path), "unlink %s", label);
	say(CALL(rmdir, path), "rmdir %s", label);
	say(CALL(unlinkat, top, name, 0), "unlinkat %s", label);
	say(CALL(unlinkat, top, name, AT_REMOVEDIR), "unlinkat directory %s", label);
	say(CALL(unlinkat, top, name, 1), "unlinkat bad flag %s", label);
}

static void modes(const char *name, const char *path)
{
	const char *label = shown(name);

	say(CALL(chmod, path, 0600), "chmod %s", label);
	say(CALL(fchmodat, top, name, 0600), "fchmodat %s", label);
	say(CALL(fchmodat2, top, name, 0600, 0), "fchmodat2 %s", label);
	say(CALL(fchmodat2, top, name, 0600, AT_SYMLINK_NOFOLLOW),
	    "fchmodat2 nofollow %s", label);
	say(CALL(fchmodat2, top, name, 0600, 1), "fchmodat2 bad flag %s", label);
	say(CALL(chown, path, 1, 1), "chown %s", label);
	say(CALL(chown, path, -1, -1), "chown to nobody %s", label);
	say(CALL(lchown, path, 1, 1), "lchown %s", label);
	say(CALL(fchownat, top, name, 1, 1, 0), "fchownat %s", label);
	say(CALL(fchownat, top, name, 1, 1, AT_SYMLINK_NOFOLLOW),
	    "fchownat nofollow %s", label);
	say(CALL(fchownat, top, name, 1, 1, 1), "fchownat bad flag %s", label);
}

static void times(const char *name, const char *path)
{
	const char *label = shown(name);
	struct timespec both[2] = {{1, 2}, {3, 4}}, bad[2] = {{1, -1}, {1, 1}};
	struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	long micro[4] = {1, 2, 3, 4}, bad_micro[4] = {1, 2000000, 1, 1};

	say(CALL(utime, path, NULL), "utime %s", label);
	say(CALL(utime, path, both), "utime set %s", label);
	say(CALL(utimes, path, NULL), "utimes %s", label);
	say(CALL(utimes, path, bad_micro), "utimes bad %s", label);
	say(CALL(futimesat, top, name, micro), "futimesat %s", label);
	say(CALL(utimensat, top, name, NULL, 0), "utimensat %s", label);
	say(CALL(utimensat, top, name, both, AT_SYMLINK_NOFOLLOW),
	    "utimensat nofollow %s", label);
	say(CALL(utimensat, top, name, bad, 0), "utimensat bad %s", label);
	say(CALL(utimensat, top, name, omit, 0), "utimensat omit %s", label);
	say(CALL(utimensat, top, name, both, 1), "utimensat bad flag %s", label);
	say(CALL(utimensat, AT_FDCWD, path, both, 0), "utimensat absolute %s", label);
	say(CALL(truncate, path, 0), "truncate %s", label);
	say(CALL(truncate, path, -1), "truncate negative %s", label);
}

static void attributes(const char *name, const char *path)
{
	const char *label = shown(name);
	struct xattr_arguments value = {(uint64_t)(uintptr_t) "value", 5, 0};
	uint64_t flags[3] = {0};

	say(CALL(setxattr, path, "user.x", "value", 5, 0), "setxattr %s", label);
	say(CALL(lsetxattr, path, "user.x", "value", 5, 0), "lsetxattr %s", label);
	say(CALL(setxattr, path, "user.x", "value", 5, 4), "setxattr bad flag %s",
	    label);
	say(CALL(setxattr, path, "user.x", "value", 70000, 0), "setxattr large %s",
	    label);
	say(CALL(removexattr, path, "user.x"), "removexattr %s", label);
	say(CALL(lremovexattr, path, "user.x"), "lremovexattr %s", label);
	say(syscall(NR_SETXATTRAT, top, name, 0, "user.x", &value, sizeof(value)),
	    "setxattrat %s", label);
	say(syscall(NR_REMOVEXATTRAT, top, name, AT_SYMLINK_NOFOLLOW, "user.x"),
	    "removexattrat %s", label);
	say(syscall(NR_FILE_SETATTR, top, name, flags, sizeof(flags), 0),
	    "file_setattr %s", label);
}

static void two_names(const char *name, const char *path)
{
	const char *label = shown(name), *file = at_root("dir/file");
	const char *outside = at_host("file"), *fresh = at_root("dir/fresh");
	const char *fresh_outside = at_host("fresh");

	say(CALL(link, path, fresh), "link %s", label);
	say(CALL(link, file, path), "link to %s", label);
	say(CALL(link, path, fresh_outside), "link out %s", label);
	say(CALL(link, outside, path), "link in %s", label);
	say(CALL(linkat, top, name, top, "dir/fresh", 0), "linkat %s", label);
	say(CALL(linkat, top, name, AT_FDCWD, fresh_outside, AT_SYMLINK_FOLLOW),
	    "linkat follow %s", label);
	say(CALL(linkat, top, name, top, "dir/fresh", 1), "linkat bad flag %s", label);
	say(CALL(rename, path, fresh), "rename %s", label);
	say(CALL(rename, file, path), "rename to %s", label);
	say(CALL(rename, path, path), "rename same %s", label);
	say(CALL(rename, path, fresh_outside), "rename out %s", label);
	say(CALL(rename, at_host("none"), path), "rename in missing %s", label);
	say(CALL(rename, outside, path), "rename in %s", label);
	say(CALL(renameat, top, name, top, "dir/file"), "renameat %s", label);
	for (unsigned int flags = 1; flags < 16; flags++)
		say(CALL(renameat2, top, name, top, "dir/file", flags),
		    "renameat2 %u %s", flags, label);
}

static void missing_host(void)
{
	say(CALL(link, at_host("none"), at_root("dir/fresh")), "link missing in");
	say(CALL(link, at_host("none/x"), at_root("file")), "link missing onto");
	say(CALL(link, at_host("dir"), at_root("dir/fresh")), "link directory in");
	say(CALL(link, at_host("file"), at_root("none/x")), "link to no parent");
	say(CALL(rename, at_root("file"), at_host("none/x")), "rename to no parent");
	say(CALL(rename, at_host("none/x"), at_root("file")), "rename of no parent");
	say(CALL(rename, at_root("dir"), at_root("dir/sub/x")), "rename into itself");
	say(CALL(rename, at_root("dir/sub"), at_root("dir")), "rename onto parent");
	say(CALL(rename, root, at_host("fresh")), "rename the root out");
	say(CALL(rmdir, root), "rmdir the root");
	say(CALL(link, at_root("file"), at_host("dir/file")), "link onto");
	say(CALL(link, at_root("file"), at_host("none/x")), "link out to no parent");
	say(CALL(rename, at_root("none/x"), at_host("none/x")), "rename none to none");
	say(CALL(rename, at_host("none/x"), at_root("none/x")), "rename none in");
	say(CALL(rename, at_host("file"), at_root("file/x")), "rename below a file");
	say(CALL(linkat, must_open(at_root("file"), O_RDONLY), "", AT_FDCWD,
		 at_host("fresh"), AT_EMPTY_PATH),
	    "linkat of a descriptor");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	must_chdir("/");
	top = must_open(root, O_RDONLY);
	for (size_t i = 0; names[i]; i++) {
		const char *path = tail_text(at_root(names[i]));

		if (leads_out(names[i]))
			continue;
		makes(names[i], path);
		removes(names[i], path);
		modes(names[i], path);
		times(names[i], path);
		attributes(names[i], path);
		two_names(names[i], path);
	}
	missing_host();
	return 0;
}
