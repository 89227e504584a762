/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shown/dirent.h"

#include <string.h>

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
	memset(at, 0, size);
	/* Little-endian: the low halves come first. */
	memcpy(at, &item->inode, word);
	memcpy(at + word, &item->next, word);
	memcpy(at + 2 * word, &reclen, 2);
	at[type_last ? size - 1 : 2 * word + 2] = (char)item->type;
	memcpy(at + head, item->name, item->name_len);
	records->used += size;
	return true;
}
