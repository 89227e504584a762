/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/variant.h"

#include <errno.h>
#include <string.h>

struct output {
	char *buffer;
	size_t size, used;
};

static int put(struct output *out, const char *bytes, size_t len)
{
	if (len > out->size - out->used)
		return -ENAMETOOLONG;
	if (out->buffer)
		memcpy(out->buffer + out->used, bytes, len);
	out->used += len;
	return 0;
}

static const char *find(const char *text, char wanted, const char *end)
{
	while (text < end && *text != wanted)
		text++;
	return text < end ? text : NULL;
}

/* Position of the first ":-", or `len`. */
static size_t default_at(const char *text, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (text[i] == ':' && text[i + 1] == '-')
			return i;
	}
	return len;
}

/* The inside of one $(...). */
static int put_variable(struct output *out, const char *text, size_t len,
			variant_value value, void *context)
{
	size_t name_len = default_at(text, len), value_len;
	const char *found =
		name_len ? value(context, text, name_len, &value_len) : NULL;

	if (found)
		return put(out, found, value_len);
	if (name_len < len)
		return put(out, text + name_len + 2, len - name_len - 2);
	return 0;
}

int variant_expand(const char *target, size_t target_len, variant_value value,
		   void *context, char *buffer, size_t size)
{
	struct output out = {buffer, size, 0};
	size_t at = 0;
	int result = 0;

	while (at < target_len && result == 0) {
		const char *end = NULL;

		if (target_len - at > 2 && target[at] == '$' && target[at + 1] == '(')
			end = find(target + at + 2, ')', target + target_len);
		if (!end) {
			result = put(&out, target + at++, 1);
			continue;
		}
		result = put_variable(&out, target + at + 2,
				      (size_t)(end - target) - at - 2, value, context);
		at = (size_t)(end - target) + 1;
	}
	return result < 0 ? result : (int)out.used;
}
