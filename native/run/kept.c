/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/kept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void kept_key_init(struct kept_key *key)
{
	key->high = 0x6a09e667f3bcc908ull;
	key->low = 0xbb67ae8584caa73bull;
}

/* Nobody attacks this: who could choose the settings could choose the cache. */
void kept_key_add(struct kept_key *key, const char *text)
{
	const char *at = text;

	do {
		key->high = (key->high ^ (unsigned char)*at) * 0x100000001b3ull;
		key->low = (key->low + (unsigned char)*at) * 0x9e3779b97f4a7c15ull;
		key->low ^= key->low >> 29;
	} while (*at++);
}

bool kept_is_setting(const char *variable)
{
	static const char *const prefixes[] = {
		"CVMFS_", "INTERPOSE_",	 "PARROT_",	"GLIDEIN_",
		"OSG_",	  "XDG_CACHE_",	 "XDG_CONFIG_", "X509_",
		"HOME=",  "http_proxy=", "HTTP_PROXY=", "CERNVM_UUID=",
	};

	/* It is about programs, not about repositories. */
	if (strncmp(variable, "INTERPOSE_FASTPATH", strlen("INTERPOSE_FASTPATH")) == 0)
		return false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* A path in a list that begins with neither '/' nor a port of a URL. */
static bool has_relative_path(const char *text)
{
	static const char delimiters[] = "=,;:|";
	const char *token = text;

	while (*token) {
		size_t len = strcspn(token, delimiters);

		if (memchr(token, '/', len) && *token != '/' &&
		    !(*token >= '0' && *token <= '9'))
			return true;
		token += len;
		token += *token != '\0';
	}
	return false;
}

bool kept_is_relative(const char *text)
{
	static const char *const names[] = {"pubkey=", "_KEY=", "_DIR=", "_BASE=",
					    "_CACHE=", "_MAP=", "LIST=", "CONFIG="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *found = strstr(text, names[i]);

		if (found && found[strlen(names[i])] != '/')
			return true;
	}
	return has_relative_path(text);
}

int kept_directory(const struct kept_key *key, const char *base, char *ret_path,
		   size_t size)
{
	int len = snprintf(ret_path, size, "%s/kept/%016llx%016llx", base,
			   (unsigned long long)key->high, (unsigned long long)key->low);

	return (size_t)len < size ? 0 : -ENAMETOOLONG;
}

static bool is_unchanged(const struct interpose_dependency *was, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return was->ctime_ns == -1;
	return was->ctime_ns == st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec &&
	       was->size == (uint64_t)st.st_size && was->ino == st.st_ino;
}

bool kept_is_valid(const struct interpose_mount *record, size_t size)
{
	const struct interpose_span *span = &record->dependencies;
	struct interpose_dependency dependency;
	const char *at, *end;

	time_t now = time(NULL);

	/* One from the future is of a clock that was wrong: so is its end. */
	if (now < record->made_at || now >= record->valid_until)
		return false;
	if (!span->length || span->offset > size || span->length > size - span->offset)
		return false;
	at = (const char *)record + span->offset;
	end = at + span->length;
	while (at < end) {
		if ((size_t)(end - at) < sizeof(dependency))
			return false;
		memcpy(&dependency, at, sizeof(dependency));
		at += sizeof(dependency);
		if (!dependency.path_len || dependency.path_len > (size_t)(end - at) ||
		    at[dependency.path_len - 1] != '\0' ||
		    !is_unchanged(&dependency, at))
			return false;
		at += dependency.path_len;
	}
	return true;
}
