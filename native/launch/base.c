/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/base.h"

#include <stdlib.h>

#include "run/scratch.h"

static bool base_is_safe(const struct messages *messages, const char *base)
{
	if (!scratch_base_is_open(base))
		return true;
	message_notice(messages,
		       "no scratch in a directory where all may exchange it: %s (give "
		       "it the sticky bit, or choose another one with --scratch)",
		       base);
	return false;
}

const char *base_choose(const struct messages *messages, const char *wanted)
{
	static const char *const variables[] = {"_CONDOR_SCRATCH_DIR", "SLURM_TMPDIR",
						"TMPDIR"};
	static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm"};
	const char *base;

	if (wanted)
		return base_is_safe(messages, wanted) ? wanted : NULL;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		base = getenv(variables[i]);
		if (base && *base && base_is_safe(messages, base))
			return base;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (base_is_safe(messages, places[i]))
			return places[i];
	return NULL;
}
