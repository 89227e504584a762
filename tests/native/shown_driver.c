/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shown_driver: answers lines of standard input with what native/shown says.
 *   dirents WORD TYPE-LAST LIMIT NAME INODE NEXT TYPE...   the records, in hexadecimal
 *   stat VIEW UID GID UID-DEFAULT GID-DEFAULT MODE OWNER GROUP FROM TO
 *   access MODE MASK
 *   inode NUMBER */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shown/dirent.h"
#include "shown/entry.h"

enum { MOST_WORDS = 512 };

static void say_dirents(char **word, int count)
{
	static char bytes[1 << 16];
	struct dirents records = {
		.bytes = bytes,
		.limit = strtoul(word[2], NULL, 10),
		.layout = {(uint8_t)atoi(word[0]), atoi(word[1]) != 0}};

	for (int i = 3; i + 3 < count; i += 4) {
		struct dirent_item item = {.inode = strtoull(word[i + 1], NULL, 10),
					   .next = strtoull(word[i + 2], NULL, 10),
					   .type = (uint8_t)atoi(word[i + 3]),
					   .name = word[i],
					   .name_len = strlen(word[i])};

		if (!dirents_add(&records, &item))
			break;
	}
	for (size_t i = 0; i < records.used; i++)
		printf("%02x", (unsigned char)bytes[i]);
	putchar('\n');
}

static uint32_t number(const char *word)
{
	return (uint32_t)strtoul(word, NULL, 10);
}

/* MODE RIGHTS CHECKED */
static void say_access(char **word)
{
	const struct interpose_mount record = {
		.view = atoi(word[2]) ? INTERPOSE_VIEW_CHECK_PERMISSIONS : 0};
	const struct shown_mount mount = {.record = &record};
	const struct interpose_entry entry = {.mode = number(word[0])};
	static const char *const said[] = {"granted", "read-only", "by credentials"};

	puts(said[shown_access(&mount, &entry, atoi(word[1]))]);
}

static void say_stat(char **word)
{
	uint32_t pair[2] = {number(word[8]), number(word[9])};
	struct interpose_mount record = {.view = number(word[0]),
					 .uid = number(word[1]),
					 .gid = number(word[2]),
					 .uid_default = number(word[3]),
					 .gid_default = number(word[4])};
	struct shown_mount mount = {.record = &record,
				    .uid_map = {(const char *)pair, sizeof(pair)}};
	struct interpose_entry entry = {.mode = number(word[5]),
					.uid = number(word[6]),
					.gid = number(word[7]),
					.size = 1025,
					.nlink = 3};
	struct stat st;

	shown_stat(&mount, &entry, 77, &st);
	printf("%o %u %u %lld %lld %llu\n", st.st_mode, st.st_uid, st.st_gid,
	       (long long)st.st_size, (long long)st.st_blocks,
	       (unsigned long long)st.st_ino);
}

static void answer(char **word, int count)
{
	if (strcmp(word[0], "dirents") == 0)
		say_dirents(word + 1, count - 1);
	else if (strcmp(word[0], "stat") == 0)
		say_stat(word + 1);
	else if (strcmp(word[0], "access") == 0)
		say_access(word + 1);
	else if (strcmp(word[0], "inode") == 0)
		printf("%llu\n", (unsigned long long)shown_inode(
					 strtoull(word[1], NULL, 10), true));
}

int main(void)
{
	static char line[1 << 17];
	char *words[MOST_WORDS];

	while (fgets(line, sizeof(line), stdin)) {
		int count = 0;

		for (char *at = strtok(line, " \n"); at && count < MOST_WORDS;
		     at = strtok(NULL, " \n"))
			words[count++] = at;
		answer(words, count);
		fflush(stdout);
	}
	return 0;
}
