/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/asked.h"

#include <stdlib.h>
#include <string.h>

#include "interpose.h"

struct asked *asked_create(const struct channel_question *question, uint32_t id)
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
	struct asked *asked = calloc(1, sizeof(*asked) + size);

	if (!asked)
		return NULL;
	asked->id = id;
	asked->size = size;
	asked->wants_answer =
		question->kind != INTERPOSE_NOTE && question->kind != INTERPOSE_HELLO;
	memcpy(asked->message, &head, sizeof(head));
	if (fqrn_len)
		memcpy(asked->message + sizeof(head), question->fqrn, fqrn_len);
	if (question->body_len)
		memcpy(asked->message + sizeof(head) + fqrn_len, question->body,
		       question->body_len);
	return asked;
}

void asked_free(struct asked *asked)
{
	free(asked->answer);
	free(asked);
}

bool asked_equal(const struct asked *a, const struct asked *b)
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

void asked_append(struct asked_list *list, struct asked *asked)
{
	asked->next_unsent = NULL;
	if (list->last)
		list->last->next_unsent = asked;
	else
		list->first = asked;
	list->last = asked;
}

struct asked *asked_shift(struct asked_list *list)
{
	struct asked *first = list->first;

	if (first) {
		list->first = first->next_unsent;
		if (!list->first)
			list->last = NULL;
		first->next_unsent = NULL;
	}
	return first;
}

void asked_drop(struct asked_list *list, const struct asked *asked)
{
	struct asked_list kept = {0};
	struct asked *other;

	while ((other = asked_shift(list)))
		if (other != asked)
			asked_append(&kept, other);
	*list = kept;
}
