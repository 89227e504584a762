/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/proctext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Width before a path: seq_setwidth() of show_vma_header_prefix(), 64 bit. */
enum { MAPS_WIDTH = 25 + 8 * 6 - 1 };

void proctext_deinit(struct proctext *text)
{
	free(text->bytes);
	*text = (struct proctext){0};
}

int proctext_add(struct proctext *text, const char *bytes, size_t len)
{
	if (text->size - text->len < len) {
		size_t size = (text->len + len) * 2;
		char *more = realloc(text->bytes, size);

		if (!more)
			return -ENOMEM;
		text->bytes = more;
		text->size = size;
	}
	if (len)
		memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	return 0;
}

/* The path as seq_path(m, path, special) writes it. */
static int add_path(struct proctext *text, const char *path, const char *special)
{
	int result = 0;

	while (*path && !result) {
		size_t plain = strcspn(path, special);
		char octal[8];

		result = proctext_add(text, path, plain);
		path += plain;
		if (*path && !result) {
			snprintf(octal, sizeof(octal), "\\%03o",
				 (unsigned char)*path++);
			result = proctext_add(text, octal, 4);
		}
	}
	return result;
}

/* Undoes add_path; an empty path if it is too long. */
static void read_path(const char *text, size_t len, const char *special, char *ret_path)
{
	size_t used = 0;

	for (size_t i = 0; i < len && used < PROCTEXT_PATH_SIZE - 1; i++) {
		char c = text[i], of[4] = "";

		if (c == '\\' && len - i > 3) {
			char *end;
			long value;

			memcpy(of, text + i + 1, 3);
			value = strtol(of, &end, 8);
			if (*end == '\0' && value > 0 && value < 128 &&
			    strchr(special, (int)value)) {
				c = (char)value;
				i += 3;
			}
		}
		ret_path[used++] = c;
	}
	ret_path[used < PROCTEXT_PATH_SIZE - 1 ? used : 0] = '\0';
}

/* A part of a line that is being read. */
struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static bool take_number(struct cursor *cursor, unsigned int base, uint64_t *ret_value)
{
	const char *start = cursor->at;
	uint64_t value = 0;

	for (; cursor->at < cursor->end; cursor->at++) {
		char c = *cursor->at;
		unsigned int digit = 99;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		if (digit >= base)
			break;
		value = value * base + digit;
	}
	*ret_value = value;
	return cursor->at > start;
}

static bool take_word(struct cursor *cursor)
{
	const char *start = cursor->at;

	while (cursor->at < cursor->end && *cursor->at != ' ')
		cursor->at++;
	return cursor->at > start;
}

/* "START-END PERMISSIONS OFFSET MAJOR:MINOR INODE   PATH". Its file, if it has one; the
 * part before the device stays as it is. */
static bool parse_maps(struct cursor line, struct proctext_file *ret_file,
		       size_t *ret_kept)
{
	const char *start = line.at;
	uint64_t number, dev_major, dev_minor;

	if (!take_number(&line, 16, &number) || !take(&line, '-') ||
	    !take_number(&line, 16, &number) || !take(&line, ' ') ||
	    !take_word(&line) || !take(&line, ' ') ||
	    !take_number(&line, 16, &number) || !take(&line, ' '))
		return false;
	*ret_kept = (size_t)(line.at - start);
	if (!take_number(&line, 16, &dev_major) || !take(&line, ':') ||
	    !take_number(&line, 16, &dev_minor) || !take(&line, ' ') ||
	    !take_number(&line, 10, &ret_file->ino) || ret_file->ino == 0)
		return false;
	while (take(&line, ' '))
		;
	ret_file->dev = makedev((unsigned int)dev_major, (unsigned int)dev_minor);
	read_path(line.at, (size_t)(line.end - line.at), "\n", ret_file->path);
	return true;
}

static int add_maps(struct proctext *out, struct cursor line,
		    const struct proctext_files *files)
{
	struct proctext_file file, shown;
	char head[MAPS_WIDTH + 64];
	size_t kept;
	int len;

	if (!parse_maps(line, &file, &kept) ||
	    !files->shown(files->context, &file, &shown)) {
		len = proctext_add(out, line.at, (size_t)(line.end - line.at));
		return len < 0 ? len : 0;
	}
	len = snprintf(head, sizeof(head), "%.*s%02x:%02x %llu ", (int)kept, line.at,
		       major(shown.dev), minor(shown.dev),
		       (unsigned long long)shown.ino);
	if ((size_t)len >= sizeof(head))
		return -ENOMEM; /* No address has so many digits. */
	if (proctext_add(out, head, (size_t)len) < 0)
		return -ENOMEM;
	/* seq_pad(): to the width, and one more in any case. */
	do {
		if (proctext_add(out, " ", 1) < 0)
			return -ENOMEM;
	} while (len++ < MAPS_WIDTH);
	return add_path(out, shown.path, "\n") < 0 ? -ENOMEM : 1;
}

static int add_numa_maps(struct proctext *out, struct cursor line,
			 const struct proctext_files *files)
{
	static const char word[] = " file=", special[] = "\n\t= ";
	struct proctext_file file = {0}, shown;
	struct cursor path = {
		memmem(line.at, (size_t)(line.end - line.at), word, sizeof(word) - 1),
		line.end};
	const char *value;

	if (!path.at)
		return proctext_add(out, line.at, (size_t)(line.end - line.at));
	path.at += sizeof(word) - 1;
	value = path.at;
	take_word(&path);
	read_path(value, (size_t)(path.at - value), special, file.path);
	if (!files->shown(files->context, &file, &shown))
		return proctext_add(out, line.at, (size_t)(line.end - line.at));
	if (proctext_add(out, line.at, (size_t)(value - line.at)) < 0 ||
	    add_path(out, shown.path, special) < 0 ||
	    proctext_add(out, path.at, (size_t)(line.end - path.at)) < 0)
		return -ENOMEM;
	return 1;
}

typedef int (*line_adder)(struct proctext *out, struct cursor line,
			  const struct proctext_files *files);

static int each_line(struct proctext *out, const struct proctext *in,
		     const struct proctext_files *files, line_adder add)
{
	size_t at = 0;
	int count = 0;

	while (at < in->len) {
		const char *start = in->bytes + at;
		const char *newline = memchr(start, '\n', in->len - at);
		struct cursor line = {start, newline ? newline : in->bytes + in->len};
		int result = add(out, line, files);

		if (result < 0 || (newline && proctext_add(out, "\n", 1) < 0))
			return -ENOMEM;
		count += result;
		at = (size_t)(line.end - in->bytes) + 1;
	}
	return count;
}

int proctext_maps(struct proctext *out, const struct proctext *in,
		  const struct proctext_files *files)
{
	return each_line(out, in, files, add_maps);
}

int proctext_numa_maps(struct proctext *out, const struct proctext *in,
		       const struct proctext_files *files)
{
	return each_line(out, in, files, add_numa_maps);
}

struct fdinfo {
	uint32_t mount_id;
	uint64_t ino;
};

static int add_fdinfo(struct proctext *out, struct cursor line,
		      const struct proctext_files *files)
{
	static const char mount_id[] = "mnt_id:\t", ino[] = "ino:\t";
	const struct fdinfo *info = files->context;
	size_t len = (size_t)(line.end - line.at);
	char text[40];
	int size = 0;

	if (len >= sizeof(mount_id) - 1 &&
	    memcmp(line.at, mount_id, sizeof(mount_id) - 1) == 0)
		size = snprintf(text, sizeof(text), "%s%u", mount_id, info->mount_id);
	else if (len >= sizeof(ino) - 1 && memcmp(line.at, ino, sizeof(ino) - 1) == 0)
		size = snprintf(text, sizeof(text), "%s%llu", ino,
				(unsigned long long)info->ino);
	if (!size)
		return proctext_add(out, line.at, len);
	return proctext_add(out, text, (size_t)size) < 0 ? -ENOMEM : 1;
}

int proctext_fdinfo(struct proctext *out, const struct proctext *in, uint32_t mount_id,
		    uint64_t ino)
{
	struct fdinfo info = {mount_id, ino};

	return each_line(out, in, &(struct proctext_files){.context = &info},
			 add_fdinfo);
}

/* ---- mounts ---- */

static const char *permissions(const struct proctext_mount *mount)
{
	return mount->default_permissions ? "default_permissions," : "";
}

int proctext_mounts_line(struct proctext *out, const struct proctext_mount *mount)
{
	char line[PROCTEXT_PATH_SIZE + 256];
	int len = snprintf(line, sizeof(line),
			   "cvmfs2 %s fuse ro,nosuid,nodev,relatime,user_id=0,"
			   "group_id=0,%sallow_other 0 0\n",
			   mount->path, permissions(mount));

	return proctext_add(out, line, (size_t)len);
}

int proctext_mountinfo_line(struct proctext *out, const struct proctext_mount *mount)
{
	char line[PROCTEXT_PATH_SIZE + 256];
	int len = snprintf(line, sizeof(line),
			   "%u %u %u:%u / %s ro,nosuid,nodev,relatime - fuse cvmfs2 "
			   "ro,user_id=0,group_id=0,%sallow_other\n",
			   mount->id, mount->parent, major(mount->dev),
			   minor(mount->dev), mount->path, permissions(mount));

	return proctext_add(out, line, (size_t)len);
}

int proctext_mountstats_line(struct proctext *out, const struct proctext_mount *mount)
{
	char line[PROCTEXT_PATH_SIZE + 256];
	int len =
		snprintf(line, sizeof(line),
			 "device cvmfs2 mounted on %s with fstype fuse\n", mount->path);

	return proctext_add(out, line, (size_t)len);
}

uint32_t proctext_root_mount(const struct proctext *mountinfo)
{
	const char *at = mountinfo->len ? mountinfo->bytes : "";
	const char *end = at + mountinfo->len;
	uint32_t found = 1;

	/* "ID PARENT MAJOR:MINOR ROOT POINT ...": the last one lies on top. */
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct cursor line = {at, newline ? newline : end};
		uint64_t id;
		bool whole = take_number(&line, 10, &id);

		for (int i = 0; i < 3 && whole; i++)
			whole = take(&line, ' ') && take_word(&line);
		if (whole && take(&line, ' ') && take(&line, '/') && take(&line, ' '))
			found = (uint32_t)id;
		at = newline ? newline + 1 : end;
	}
	return found;
}

char *proctext_word(char *text)
{
	size_t len = strcspn(text, " \n");
	char path[PROCTEXT_PATH_SIZE];

	read_path(text, len, " \t\n\\", path);
	text[len] = '\0';
	if (strlen(path) <= len)
		strcpy(text, path);
	return text;
}
