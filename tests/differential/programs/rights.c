/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities, not the number of the user, are what lets somebody in whom the modes
 * keep out: root without them, users with some, threads and namespaces with their own.
 */
/* covers: capset setresuid setresgid setgroups unshare setfsuid setfsgid */
#include "probe.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

enum { OWNER = 1234, GROUP = 2345, SOMEBODY = 12345 };

#define BIT(capability) (1ull << (capability))
#define SEARCH BIT(CAP_DAC_READ_SEARCH)
#define OVERRIDE BIT(CAP_DAC_OVERRIDE)
#define ALL (~0ull >> (63 - CAP_LAST_CAP))

static void set_capabilities(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, 0},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), 0}};

	say(CALL(capset, &head, data), "capset %llx %llx",
	    (unsigned long long)effective, (unsigned long long)permitted);
}

static void become_keeping(unsigned int uid, unsigned int gid)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || CALL(setgroups, 0, NULL) < 0 ||
	    CALL(setresgid, gid, gid, gid) < 0 || CALL(setresuid, uid, uid, uid) < 0)
		exit(2);
}

static void look(const char *name)
{
	static const int modes[] = {R_OK, X_OK, R_OK | X_OK};
	const char *path = at_root(name);
	char text[8];
	struct stat st;

	say(stat(path, &st), "stat %s", name);
	say_open(open(path, O_RDONLY | O_NONBLOCK), "open %s", name);
	say_open(open(path, O_RDONLY | O_NONBLOCK | O_NOATIME), "noatime %s", name);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		say(access(path, modes[i]), "access %d %s", modes[i], name);
		say(faccessat(AT_FDCWD, path, modes[i], AT_EACCESS), "effective %d %s",
		    modes[i], name);
	}
	say(chdir(path), "chdir %s", name);
	say(getxattr(path, "trusted.none", text, sizeof(text)), "trusted %s", name);
	must_chdir("/");
}

static void look_at_all(void)
{
	static const char *const names[] = {
		"mode_0000",	 "mode_0600", "mode_0640",     "mode_0755",
		"dir_0000",	 "dir_0700",  "dir_0000/file", "dir_0711",
		"dir_0711/file", "owned",     "owned_dir"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		look(names[i]);
	say(chroot(at_root("none")), "chroot to nothing");
}

static void root_without(void)
{
	set_capabilities(ALL & ~(SEARCH | OVERRIDE), ALL);
	look_at_all();
	set_capabilities(ALL & ~OVERRIDE, ALL & ~OVERRIDE);
	look_at_all();
	set_capabilities(0, 0);
	look_at_all();
}

static void user_with(void)
{
	become_keeping(SOMEBODY, SOMEBODY);
	look_at_all();
	set_capabilities(SEARCH, ALL);
	look_at_all();
	set_capabilities(OVERRIDE, ALL);
	look_at_all();
	set_capabilities(BIT(CAP_FOWNER), ALL);
	look_at_all();
}

static void write_map(const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_WRONLY);
	say(write(fd, text, strlen(text)) > 0, "%s", name);
	close(fd);
}

/* Root there has rights over what is mapped there, and over nothing else. */
static void root_of_a_namespace(void)
{
	become_keeping(OWNER, GROUP);
	set_capabilities(0, 0);
	look_at_all();
	say(CALL(unshare, CLONE_NEWUSER), "unshare");
	look_at_all();
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	write_map("setgroups", "deny");
	write_map("uid_map", "0 1234 1");
	write_map("gid_map", "0 2345 1");
	look_at_all();
}

static void *thread_of_another(void *unused)
{
	(void)unused;
	CALL(setfsgid, SOMEBODY);
	CALL(setfsuid, SOMEBODY);
	look("mode_0600");
	look("dir_0700");
	return NULL;
}

/* Each thread has its own. */
static void threads(void)
{
	pthread_t thread;

	look("mode_0600");
	if (pthread_create(&thread, NULL, thread_of_another, NULL) != 0)
		exit(2);
	pthread_join(thread, NULL);
	look("mode_0600");
	look("dir_0700");
	if (pthread_create(&thread, NULL, thread_of_another, NULL) != 0)
		exit(2);
	pthread_join(thread, NULL);
	look("owned");
}

int main(int argc, char **argv)
{
	probe_start(argc, argv);
	must_chdir("/");
	in_child("root", root_without);
	in_child("user", user_with);
	in_child("namespace", root_of_a_namespace);
	in_child("threads", threads);
	return 0;
}
