/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main [exec]: what a program knows of itself and of the libraries that it was loaded
 * with. STATIC: without a loader. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef STATIC
#include <dlfcn.h>
#include <link.h>
const char *part_name(void);

static int library(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	if (strncmp(info->dlpi_name, "/cvmfs/", 7) == 0)
		printf("loaded %s\n", info->dlpi_name);
	return 0;
}

static void libraries(void)
{
	Dl_info info = {0};
	void *plugin, *function;

	dladdr(part_name, &info);
	printf("part is of %s\n", info.dli_fname);
	dladdr(library, &info);
	printf("main is of %s\n", info.dli_fname);
	plugin = dlopen("libplugin.so", RTLD_NOW);
	function = plugin ? dlsym(plugin, "plugin_name") : NULL;
	printf("plugin %s\n", plugin ? "there" : "missing");
	if (function && dladdr(function, &info))
		printf("plugin is of %s\n", info.dli_fname);
	printf("part is %s\n", part_name());
	dl_iterate_phdr(library, NULL);
}
#else
static void libraries(void)
{
}
#endif

static void own_maps(void)
{
	char line[4096], last[4096] = "";
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fgets(line, sizeof(line), maps)) {
		const char *path = strchr(line, '/');

		if (!path || strcmp(path, last) == 0)
			continue;
		strcpy(last, path);
		if (strncmp(path, "/cvmfs/", 7) == 0)
			printf("mapped %s", path);
	}
	if (maps)
		fclose(maps);
}

int main(int argc, char **argv)
{
	char comm[16] = "", exe[4096] = "", words[4096] = "";
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t got = file ? fread(words, 1, sizeof(words) - 1, file) : 0;
	struct stat by_link, by_path;

	for (size_t i = 0; i + 1 < got; i++)
		words[i] = words[i] ? words[i] : ' ';
	prctl(PR_GET_NAME, comm);
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		strcpy(exe, strerror(errno));
	printf("argv[0] %s argc %d called %s\n", argv[0], argc,
	       program_invocation_name);
	printf("comm %s exe %s\n", comm, exe);
	printf("cmdline %s\n", words);
	printf("execfn %s\n", (const char *)getauxval(AT_EXECFN));
	printf("secure %lu uid %d euid %d gid %d egid %d\n", getauxval(AT_SECURE),
	       getuid(), geteuid(), getgid(), getegid());
	if (stat("/proc/self/exe", &by_link) == 0 && stat(exe, &by_path) == 0)
		printf("one file %d\n", by_link.st_ino == by_path.st_ino &&
						by_link.st_dev == by_path.st_dev);
	libraries();
	if (argc < 2 || strcmp(argv[1], "no maps") != 0)
		own_maps();
	return 0;
}
