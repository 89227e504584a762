/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What modes and owners allow; argv[3] says to whom. */
/* covers: open access faccessat chdir fchdir stat execve getxattr inotify_add_watch */
#include "probe.h"

#include <sys/inotify.h>

static void each(const char *name)
{
	static const int modes[] = {F_OK, R_OK, W_OK, X_OK, R_OK | X_OK};
	const char *path = at_root(name);
	int watcher = inotify_init(), fd;
	char value[64];
	struct stat st;
	DIR *dir;

	say_stat(stat(path, &st), &st, "stat %s", shown(name));
	say_open(open(path, O_RDONLY | O_NONBLOCK), "open %s", shown(name));
	say_open(open(path, O_RDONLY | O_DIRECTORY), "open directory %s", shown(name));
	say_open(open(path, O_PATH), "open path %s", shown(name));
	say_open(open(path, O_RDONLY | O_NONBLOCK | O_NOATIME), "open noatime %s",
		 shown(name));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		say(access(path, modes[i]), "access %d %s", modes[i], shown(name));
		say(faccessat(AT_FDCWD, path, modes[i], AT_EACCESS),
		    "effective access %d %s", modes[i], shown(name));
	}
	say(chdir(path), "chdir %s", shown(name));
	fd = open(path, O_PATH);
	say(fchdir(fd), "fchdir %s", shown(name));
	close(fd);
	if (chdir("/") < 0)
		exit(2);
	say(CALL(execve, path, NULL, NULL) < 0 && errno != ENOEXEC, "cannot execute %s",
	    shown(name));
	say(CALL(getxattr, path, "user.none", value, 64) < 0, "getxattr fails %s",
	    shown(name));
	say(inotify_add_watch(watcher, path, IN_MODIFY) > 0, "watch %s", shown(name));
	close(watcher);
	dir = opendir(path);
	if (dir) {
		int count = 0;

		while (readdir(dir))
			count++;
		printf("  entries %d\n", count);
		closedir(dir);
	}
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	must_chdir("/");
	for (size_t i = 0; names[i]; i++) {
		if (strncmp(names[i], "../..", 5) != 0)
			each(names[i]);
	}
	return 0;
}
