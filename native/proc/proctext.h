/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts of /proc/PID in which files and mounts of ours are to be seen. Pure: text in,
 * text out. Forms: show_map_vma() and show_numa_map() of Linux' fs/proc/task_mmu.c,
 * show_mountinfo(), show_vfsmnt() and show_vfsstat() of fs/proc_namespace.c. */
#ifndef PROC_PROCTEXT_H
#define PROC_PROCTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROCTEXT_PATH_SIZE = 4096 + 1 };

/* A text that grows. */
struct proctext {
	char *bytes;
	size_t len, size;
};

void proctext_deinit(struct proctext *text);
/* 0 or -ENOMEM, the text as it was. */
int proctext_add(struct proctext *text, const char *bytes, size_t len);

/* A file as a line shows it. In numa_maps dev and ino are missing: 0. */
struct proctext_file {
	uint64_t dev, ino;
	char path[PROCTEXT_PATH_SIZE];
};

/* What to show instead; false: as it is. */
struct proctext_files {
	void *context;
	bool (*shown)(void *context, const struct proctext_file *file,
		      struct proctext_file *ret_shown);
};

/* Adds `in` to `out` with the files' lines replaced. Number of lines that are another
 * now, or -ENOMEM. The first one is for maps and smaps. */
int proctext_maps(struct proctext *out, const struct proctext *in,
		  const struct proctext_files *files);
int proctext_numa_maps(struct proctext *out, const struct proctext *in,
		       const struct proctext_files *files);

/* As above, for /proc/PID/fdinfo/FD: its lines get these values. */
int proctext_fdinfo(struct proctext *out, const struct proctext *in, uint32_t mount_id,
		    uint64_t ino);

/* A mount of ours. `path` has no character that must be escaped. */
struct proctext_mount {
	const char *path;
	uint64_t dev;
	uint32_t id, parent;
	bool default_permissions;
};

/* Adds its line. 0 or -ENOMEM. */
int proctext_mounts_line(struct proctext *out, const struct proctext_mount *mount);
int proctext_mountinfo_line(struct proctext *out, const struct proctext_mount *mount);
int proctext_mountstats_line(struct proctext *out, const struct proctext_mount *mount);
/* Id of the mount at "/" in a mountinfo, 1 where there is none. */
uint32_t proctext_root_mount(const struct proctext *mountinfo);

/* Ends the word that `text` begins with, without its \\040 and their like. */
char *proctext_word(char *text);

#endif
