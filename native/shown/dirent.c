/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shown/dirent.h"

#include <string.h>

/* Little-endian: the low half comes first. Two sizes that a compiler knows. */
static void put_word(char *at, uint64_t value, size_t word)
{
	if (word == 8)
		memcpy(at, &value, 8);
	else
		memcpy(at, &value, 4);
}

bool dirents_add(struct dirents *records, const struct dirent_item *item)
{
	size_t word = records->layout.word;
	bool type_last = records->layout.type_last;
	size_t head = 2 * word + 2 + (type_last ? 0 : 1);
	size_t size = (head + item->name_len + 1 + (type_last ? 1 : 0) + word - 1) &
		      ~(word - 1);
	char *at = records->bytes + records->used;
	uint16_t reclen = (uint16_t)size;

	if (size > records->limit - records->used)
		return false;
	/* What follows a name is shorter than that. */
	put_word(at + size - 2 * word, 0, word);
	put_word(at + size - word, 0, word);
	put_word(at, item->inode, word);
	put_word(at + word, item->next, word);
	memcpy(at + 2 * word, &reclen, 2);
	at[type_last ? size - 1 : 2 * word + 2] = (char)item->type;
	memcpy(at + head, item->name, item->name_len);
	records->used += size;
	return true;
}
