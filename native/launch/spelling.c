/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source: the optimal string alignment distance, after Damerau and Levenshtein. */
#include "launch/spelling.h"

#include <stdbool.h>
#include <string.h>

static size_t least(size_t one, size_t other)
{
	return one < other ? one : other;
}

size_t spelling_distance(const char *one, size_t one_len, const char *other)
{
	size_t rows[SPELLING_MAX + 1][SPELLING_MAX + 1];
	size_t other_len = strlen(other);

	if (one_len > SPELLING_MAX || other_len > SPELLING_MAX)
		return SPELLING_MAX;
	for (size_t i = 0; i <= one_len; i++)
		rows[i][0] = i;
	for (size_t j = 0; j <= other_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= one_len; i++) {
		for (size_t j = 1; j <= other_len; j++) {
			bool differs = one[i - 1] != other[j - 1];
			size_t found = rows[i - 1][j - 1] + differs;

			found = least(found, rows[i - 1][j] + 1);
			found = least(found, rows[i][j - 1] + 1);
			if (differs && i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			    one[i - 2] == other[j - 1])
				found = least(found, rows[i - 2][j - 2] + 1);
			rows[i][j] = found;
		}
	}
	return rows[one_len][other_len];
}
