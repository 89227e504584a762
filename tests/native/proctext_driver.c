/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proctext_driver WHAT [PATH DEV-HEX INO SHOWN-PATH SHOWN-DEV-HEX SHOWN-INO]... <TEXT
 * Rewrites a text as native/proc/proctext.c does. A file is known by its path, and
 * by its numbers where the text has numbers. Prints the count on standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "proc/proctext.h"

struct known {
	char **words;
	int count;
};

static bool shown(void *context, const struct proctext_file *file,
		  struct proctext_file *ret_shown)
{
	const struct known *known = context;

	for (int i = 0; i + 5 < known->count; i += 6) {
		char **word = known->words + i;

		if (strcmp(word[0], file->path) != 0)
			continue;
		if (file->ino && (file->dev != strtoull(word[1], NULL, 16) ||
				  file->ino != strtoull(word[2], NULL, 10)))
			continue;
		snprintf(ret_shown->path, sizeof(ret_shown->path), "%s", word[3]);
		ret_shown->dev = strtoull(word[4], NULL, 16);
		ret_shown->ino = strtoull(word[5], NULL, 10);
		return true;
	}
	return false;
}

static int mount_lines(struct proctext *out, const struct proctext *in,
		       const char *what)
{
	struct proctext_mount mount = {.path = "/cvmfs",
				       .dev = makedev(0, 0xf0001),
				       .id = 7,
				       .parent = proctext_root_mount(in),
				       .default_permissions = true};

	if (strcmp(what, "mounts") == 0)
		return proctext_mounts_line(out, &mount);
	if (strcmp(what, "mountinfo") == 0)
		return proctext_mountinfo_line(out, &mount);
	return proctext_mountstats_line(out, &mount);
}

int main(int argc, char **argv)
{
	struct proctext in = {0}, out = {0};
	struct known known = {argv + 2, argc - 2};
	struct proctext_files files = {&known, shown};
	char buffer[4096];
	size_t got;
	int count;

	if (argc < 2)
		return 2;
	while ((got = fread(buffer, 1, sizeof(buffer), stdin)) > 0) {
		if (proctext_add(&in, buffer, got) < 0)
			return 3;
	}
	if (strcmp(argv[1], "maps") == 0)
		count = proctext_maps(&out, &in, &files);
	else if (strcmp(argv[1], "numa_maps") == 0)
		count = proctext_numa_maps(&out, &in, &files);
	else
		count = mount_lines(&out, &in, argv[1]);
	if (out.len)
		fwrite(out.bytes, 1, out.len, stdout);
	fprintf(stderr, "%d\n", count);
	proctext_deinit(&in);
	proctext_deinit(&out);
	return count < 0;
}
