/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "interpose.h"

struct waiting *waiting_create(const struct channel_question *question, uint32_t id)
{
	size_t fqrn_len = question->fqrn ? strlen(question->fqrn) : 0;
	struct interpose_question head = {.version = INTERPOSE_CHANNEL_VERSION,
					  .id = id,
					  .kind = question->kind,
					  .flags = question->flags,
					  .entry = question->entry,
					  .fqrn_len = (uint32_t)fqrn_len,
					  .body_len = (uint32_t)question->body_len};
	size_t size = sizeof(head) + fqrn_len + question->body_len;
	struct waiting *waiting = calloc(1, sizeof(*waiting) + size);

	if (!waiting)
		return NULL;
	waiting->id = id;
	waiting->size = size;
	waiting->wants_answer =
		question->kind != INTERPOSE_NOTE && question->kind != INTERPOSE_HELLO;
	memcpy(waiting->message, &head, sizeof(head));
	if (fqrn_len)
		memcpy(waiting->message + sizeof(head), question->fqrn, fqrn_len);
	if (question->body_len)
		memcpy(waiting->message + sizeof(head) + fqrn_len, question->body,
		       question->body_len);
	return waiting;
}

void waiting_free(struct waiting *waiting)
{
	free(waiting->answer);
	free(waiting);
}

bool waiting_equal(const struct waiting *a, const struct waiting *b)
{
	struct interpose_question one, other;

	if (a->size != b->size)
		return false;
	memcpy(&one, a->message, sizeof(one));
	memcpy(&other, b->message, sizeof(other));
	other.id = one.id;
	return memcmp(&one, &other, sizeof(one)) == 0 &&
	       memcmp(a->message + sizeof(one), b->message + sizeof(one),
		      a->size - sizeof(one)) == 0;
}

void waiting_append(struct waiting_list *list, struct waiting *waiting)
{
	waiting->next_unsent = NULL;
	if (list->last)
		list->last->next_unsent = waiting;
	else
		list->first = waiting;
	list->last = waiting;
}

struct waiting *waiting_shift(struct waiting_list *list)
{
	struct waiting *first = list->first;

	if (first) {
		list->first = first->next_unsent;
		if (!list->first)
			list->last = NULL;
		first->next_unsent = NULL;
	}
	return first;
}

void waiting_drop(struct waiting_list *list, const struct waiting *waiting)
{
	struct waiting_list kept = {0};
	struct waiting *other;

	while ((other = waiting_shift(list)))
		if (other != waiting)
			waiting_append(&kept, other);
	*list = kept;
}
