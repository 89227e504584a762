/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owned/seal.h"

/* Whole microseconds, of which there are few enough and file systems keep them. */
uint32_t interpose_seal(int64_t second, uint64_t size)
{
	uint64_t hash = ((uint64_t)second + 1) * 0x9e3779b97f4a7c15u ^ size;

	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	hash ^= hash >> 29;
	return (uint32_t)(hash % 999999 + 1) * 1000;
}

bool seal_holds(const struct stat *st)
{
	long ns = st->st_mtim.tv_nsec;

	return ns == 0 ||
	       ns == (long)interpose_seal(st->st_mtim.tv_sec, (uint64_t)st->st_size);
}
