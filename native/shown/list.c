/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shown/list.h"

#include <dirent.h>

#include "shown/entry.h"

void shown_list_start(struct shown_list *list, const struct index_map *map,
		      const struct interpose_entry *directory)
{
	list->map = map;
	list->first = directory->first_child;
	list->count = directory->child_count;
}

static void dots(struct shown_list *list, struct dirent_item *ret_item)
{
	const bool is_parent = list->position == 1;

	ret_item->inode = is_parent ? list->above : list->itself;
	ret_item->next = ++list->position;
	ret_item->type = DT_DIR;
	ret_item->name = is_parent ? ".." : ".";
	ret_item->name_len = is_parent ? 2 : 1;
}

bool shown_list_next(struct shown_list *list, struct dirent_item *ret_item)
{
	struct interpose_entry entry;

	if (list->position < 2) {
		dots(list, ret_item);
		return true;
	}
	while (list->position - 2 < list->count) {
		const uint32_t number = list->first + (uint32_t)(list->position - 2);

		list->position++;
		if (index_entry(list->map, number, &entry) < 0)
			return false;
		if (entry.flags & INTERPOSE_ENTRY_HIDDEN)
			continue;
		ret_item->inode = shown_inode(index_inode(list->inode_base, &entry),
					      list->narrow);
		ret_item->next = list->position;
		ret_item->type = (uint8_t)IFTODT(entry.mode);
		ret_item->name = entry.name;
		ret_item->name_len = entry.name_len;
		return true;
	}
	return false;
}
