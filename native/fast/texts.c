/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/maps of a stopped process that shares its memory with nobody: reading it
 * waits for no lock. Files are only named in it, not asked. */
#include "fast/texts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "stub/state.h"

enum { MOST_LINES = 4096, LINE_SIZE = 4096 + 128, LOWEST = 1 << 20 };
/* A jump has 32 bits. */
static const uint64_t reach = 1ull << 30;
static const uint64_t room = 1 << 20; /* below it */

static int texts_add(struct texts *texts, const struct text *text)
{
	struct text *grown;

	if (texts->count % 64 == 0) {
		grown = realloc(texts->list, (texts->count + 64) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		texts->list = grown;
	}
	texts->list[texts->count++] = *text;
	return 0;
}

void texts_deinit(struct texts *texts)
{
	free(texts->list);
	texts->list = NULL;
	texts->count = 0;
}

const struct text *texts_find(const struct texts *texts, uint64_t address)
{
	for (size_t i = 0; i < texts->count; i++)
		if (address >= texts->list[i].first && address < texts->list[i].end)
			return &texts->list[i];
	return NULL;
}

/* The last free place below `near`, close to what is above it: a hole between the two
 * would be where the kernel puts what is mapped next, and programs can tell. A heap
 * that comes from below keeps room to grow. */
static void note_gap(struct texts *texts, uint64_t below, uint64_t above, uint64_t near)
{
	if (below < LOWEST)
		below = LOWEST;
	if (above > near || above < below + STUB_SIZE + room || near - above > reach)
		return;
	texts->gap = above - STUB_SIZE;
}

/* Takes a number and what stands behind it off the line. */
static bool take(char **at, int base, char behind, uint64_t *ret_number)
{
	char *end;

	*ret_number = strtoull(*at, &end, base);
	if (end == *at || *end != behind)
		return false;
	*at = end + 1;
	return true;
}

/* "FIRST-END MODE OFFSET MAJOR:MINOR INODE ...". Not by sscanf: a process has many. */
static bool parse(char *line, struct text *ret_text, char ret_mode[5])
{
	const char *name = strrchr(line, '/');
	uint64_t high, low;
	char *at = line;

	*ret_text = (struct text){.is_c_library =
					  name && strncmp(name, "/libc.so.", 9) == 0};
	if (!take(&at, 16, '-', &ret_text->first) ||
	    !take(&at, 16, ' ', &ret_text->end) || strlen(at) < 5)
		return false;
	memcpy(ret_mode, at, 4);
	at += 5;
	if (!take(&at, 16, ' ', &ret_text->offset) || !take(&at, 16, ':', &high) ||
	    !take(&at, 16, ' ', &low) || !take(&at, 10, ' ', &ret_text->ino))
		return false;
	ret_text->dev = makedev((unsigned int)high, (unsigned int)low);
	return true;
}

int texts_read(const struct tracee *tracee, uint64_t near, struct texts *ret_texts)
{
	char line[LINE_SIZE], mode[5] = "";
	struct text text;
	uint64_t last = 0;
	FILE *file;
	int lines = 0, error = 0;

	*ret_texts = (struct texts){NULL, 0, 0, 0};
	snprintf(line, sizeof(line), "/proc/%d/maps", tracee->tid);
	file = fopen(line, "re");
	if (!file)
		return -errno;
	while (error == 0 && fgets(line, sizeof(line), file)) {
		if (++lines > MOST_LINES)
			error = -E2BIG;
		else if (!parse(line, &text, mode))
			continue;
		if (!text.ino && strstr(line, "[vdso]"))
			ret_texts->vdso_end = text.end;
		note_gap(ret_texts, last, text.first, near);
		last = text.end;
		if (error == 0 && mode[2] == 'x' && mode[1] != 'w' && mode[3] == 'p' &&
		    text.ino)
			error = texts_add(ret_texts, &text);
	}
	fclose(file);
	if (error < 0)
		texts_deinit(ret_texts);
	return error;
}
