/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a step gave, as text; what cannot be equal by nature is left out. */
#include "steps.h"

#include <linux/stat.h>
#include <stdarg.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

enum { PRINTED = 300 };

void note(struct step *step, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(step->record + step->length, RECORD - step->length, format,
			   args);
	va_end(args);
	step->length += (size_t)length;
	if (step->length >= RECORD)
		step->length = RECORD - 1;
}

uint64_t digest(const void *bytes, size_t size, uint64_t before)
{
	const unsigned char *at = bytes;
	uint64_t sum = before ^ 14695981039346656037u;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * 1099511628211u;
	return sum;
}

void note_bytes(struct step *step, const char *bytes, size_t size)
{
	note(step, " '");
	for (size_t i = 0; i < size && i < PRINTED; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte > ' ' && byte < 127 && byte != '\\')
			note(step, "%c", byte);
		else
			note(step, "\\x%02x", byte);
	}
	note(step, "'");
	if (size > PRINTED)
		note(step, "... %zu %016llx", size,
		     (unsigned long long)digest(bytes, size, 0));
}

static const void *output_of(const struct step *step, size_t *ret_size)
{
	for (int i = 0; i < step->word_count; i++) {
		*ret_size = step->sizes[i];
		if (step->words[i][0] == 'o')
			return (const void *)step->values[i];
	}
	*ret_size = 0;
	return "";
}

static const void *output(const struct step *step)
{
	size_t size;

	return output_of(step, &size);
}

/* Of the tree everything, of the work directory what calls of ours change, of the
 * rest what stays as it is. */
static void show_entry(struct step *step, const struct stat *st)
{
	bool ours = st->st_dev == tree_dev || st->st_dev == top_dev;

	note(step, " mode %o", st->st_mode);
	/* What root owns has no owner in a user namespace. */
	if (st->st_dev != top_dev || geteuid() == 0)
		note(step, " uid %u gid %u", st->st_uid, st->st_gid);
	if (ours)
		note(step, " dev <%lx> ino <%lx.%lx>", (long)st->st_dev,
		     (long)st->st_dev, (long)st->st_ino);
	if (st->st_dev == tree_dev)
		note(step, " mtime %ld.%09ld", (long)st->st_mtim.tv_sec,
		     st->st_mtim.tv_nsec);
	if (S_ISREG(st->st_mode) && (ours || st->st_dev == work_dev))
		note(step, " size %ld nlink %ld", (long)st->st_size,
		     (long)st->st_nlink);
	if (S_ISLNK(st->st_mode) && ours)
		note(step, " size %ld", (long)st->st_size);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		note(step, " rdev %lx", (unsigned long)st->st_rdev);
}

void show_stat(struct step *step)
{
	show_entry(step, output(step));
}

void show_statx(struct step *step)
{
	const struct statx *got = output(step);
	unsigned int asked = (unsigned int)step->values[3];
	struct stat st = {
		.st_mode = got->stx_mode,
		.st_uid = got->stx_uid,
		.st_gid = got->stx_gid,
		.st_dev = makedev(got->stx_dev_major, got->stx_dev_minor),
		.st_ino = got->stx_ino,
		.st_size = (off_t)got->stx_size,
		.st_nlink = got->stx_nlink,
		.st_mtim = {got->stx_mtime.tv_sec, got->stx_mtime.tv_nsec},
		.st_rdev = makedev(got->stx_rdev_major, got->stx_rdev_minor),
	};

	/* What was not asked for may be there or not, as the file system likes. */
	note(step, " has %x", got->stx_mask & asked & STATX_BASIC_STATS);
	if (!(asked & STATX_MTIME))
		st.st_mtim = (struct timespec){0, 0};
	show_entry(step, &st);
	if (st.st_dev == tree_dev) {
		note(step, " root %d",
		     (got->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
		/* Of root's actors some have other mounts (actors.c), where the tree
		 * has another number natively and the same one here. */
		if (got->stx_mask & asked & 0x1000 && geteuid() != 0)
			note(step, " mount <m%llx>",
			     (unsigned long long)*(const uint64_t *)((const char *)got +
								     0x90));
	}
}

void show_text(struct step *step)
{
	size_t size, used = (size_t)step->result;
	const void *bytes = output_of(step, &size);

	/* Who asks for a length gives no room. */
	note_bytes(step, bytes, used < size ? used : size);
}

void show_data(struct step *step)
{
	show_text(step);
}

void show_statfs(struct step *step)
{
	const struct statfs *fs = output(step);

	/* Mounts of the host differ between the two worlds. */
	if (fs->f_flags & 2)
		note(step, " flags %lx name %ld", (unsigned long)fs->f_flags & 7,
		     (long)fs->f_namelen);
}
